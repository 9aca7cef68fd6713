//! Reads for the API: typed, over any view.
