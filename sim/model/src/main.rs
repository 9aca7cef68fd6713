fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let all = [selfsame_model::Size::Small, selfsame_model::Size::Normal, selfsame_model::Size::Large];
    for bounds in all[a[0]].scopes() {
        let mut progress = |c: selfsame_model::check::Counts| eprintln!("{c:?} {:.0}/s", c.rate());
        let mut run = selfsame_model::check::Run { threads: a[2], progress: &mut progress };
        if a[1] < 99 && bounds.name != ["network", "ballots", "copies", "forgers"][a[1]] {
            continue;
        }
        let r = run.everything(selfsame_model::World::new(*bounds));
        println!("{} {:?} {:?}", bounds.name, r.counts, r.happened);
        for (p, s) in &r.broken {
            println!("{p}\n{}", selfsame_model::story::tell(s));
        }
    }
}
