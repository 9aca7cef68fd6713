//! Lists that are shown part by part.

use super::context::Global;
use clap::Args;
use selfsame_client::Page;

/// Which part of a list.
#[derive(Args, Clone, Debug)]
pub struct Paging {
    /// Most things to list.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Go on behind the part that was shown before: the token that was said then.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TOKEN")]
    pub page: String,
}

/// Says how a list goes on.
pub fn more<T>(global: &Global, part: &Page<T>) {
    if let Some(token) = &part.next {
        global.say(&format!("{} are shown and more follow: add --page {token}", part.items.len()));
    }
}
