//! The tables of rules hold: what each altered history is told, and that no refusal is without a row.

mod catalogue;
mod governance;
mod governance_rules;
mod overseen;
mod relink;
mod rules;
mod runs;
mod said;
