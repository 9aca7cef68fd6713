fn main() {
    let mut progress = |c: selfsame_model::check::Counts| eprintln!("{c:?} {:.0}/s", c.rate());
    let mut run = selfsame_model::check::Run { threads: 2, progress: &mut progress };
    let bounds = match std::env::args().nth(1).as_deref() {
        Some("s") => selfsame_model::Bounds::SMALL,
        Some("l") => selfsame_model::Bounds::LARGE,
        _ => selfsame_model::Bounds::NORMAL,
    };
    let r = run.everything(selfsame_model::World::new(bounds));
    println!("{:?} {:?}", r.counts, r.happened);
    for (p, s) in &r.broken {
        println!("{p}\n{}", selfsame_model::story::tell(s));
    }
}
