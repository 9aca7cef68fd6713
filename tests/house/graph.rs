//! Which file of a crate takes names from which other, read from the text.

use crate::rust;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Words that begin the definition of a name.
const DEFINING: [&str; 10] =
    ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "macro_rules"];

/// A path of modules from the root of a crate.
pub type Module = Vec<String>;

/// One file.
#[derive(Debug, Default)]
struct File {
    /// Names that are defined here.
    defines: BTreeSet<String>,
    /// Names that `use` brings in: name, absolute path. `pub` ones are doors for others.
    uses: Vec<Use>,
    /// Every path that stands in the text, absolute or not yet.
    paths: BTreeSet<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Use {
    name: String,
    path: Vec<String>,
}

/// The files of one crate, and what takes from what.
pub struct Graph {
    files: BTreeMap<Module, File>,
}

/// Words and signs of a text, without comments, strings and tests.
fn tokens(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let cut = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") || rest.starts_with("br#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |(at, _)| at + 1)
        } else if first == '\'' {
            // A character, or a lifetime.
            let mut chars = rest.char_indices().skip(1);
            let (_, inner) = chars.next().unwrap_or((0, ' '));
            match (inner, chars.next()) {
                ('\\', _) => rest[3..].find('\'').map_or(rest.len(), |end| end + 4),
                (_, Some((at, '\''))) => at + 1,
                _ => 1,
            }
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            out.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            out.push("::".into());
            2
        } else {
            if !first.is_whitespace() {
                out.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[cut..];
    }
    out
}

/// The leaves of a tree of `use`, from `at`: the path so far, the name. Returns the place behind it.
fn tree(tokens: &[String], mut at: usize, prefix: &[String], out: &mut Vec<Use>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}" && token != ";") {
                    at = tree(tokens, at, &path, out);
                    if tokens.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Some("::") => at += 1,
            Some("as") => {
                let name = tokens[at + 1].clone();
                out.push(Use { name, path });
                return at + 2;
            }
            Some("*") => {
                out.push(Use { name: "*".into(), path });
                return at + 1;
            }
            Some(";" | "," | "}") | None => {
                if path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                if let Some(name) = path.last().cloned() {
                    out.push(Use { name, path });
                }
                return at;
            }
            Some(word) if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                path.push(word.to_owned());
                at += 1;
            }
            // Not what `use` is followed by in an item.
            Some(_) => return at,
        }
    }
}

fn read(text: &str) -> File {
    let tokens = tokens(text);
    let mut file = File::default();
    let mut at = 0;
    while at < tokens.len() {
        let word = tokens[at].as_str();
        if word == "use" && tokens.get(at + 1).is_some_and(|next| next != "<") {
            at = tree(&tokens, at + 1, &[], &mut file.uses);
            continue;
        }
        if DEFINING.contains(&word) {
            let name = if word == "macro_rules" { at + 2 } else { at + 1 };
            // `mod name;` is another file.
            let elsewhere = word == "mod" && tokens.get(at + 2).is_some_and(|token| token == ";");
            if let (Some(name), false) = (tokens.get(name), elsewhere) {
                file.defines.insert(name.clone());
            }
            at += 1;
            continue;
        }
        let begins = word.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && (at == 0 || tokens[at - 1] != "::")
            && tokens.get(at + 1).is_some_and(|token| token == "::");
        if begins {
            let mut path = vec![word.to_owned()];
            let mut next = at + 1;
            while tokens.get(next).is_some_and(|token| token == "::") {
                match tokens.get(next + 1) {
                    Some(name) if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => path.push(name.clone()),
                    _ => break,
                }
                next += 2;
            }
            file.paths.insert(path);
            at = next;
            continue;
        }
        at += 1;
    }
    file
}

impl Graph {
    /// Reads a crate from its folder of sources.
    pub fn read(folder: &str) -> Graph {
        let from = crate::root().join(folder);
        let all = rust(folder);
        Graph::of(all.iter().map(|(path, text)| (path.strip_prefix(&from).unwrap(), text.as_str())))
    }

    /// A crate by its files: the path below the folder of sources, the text.
    pub fn of<'a>(files: impl Iterator<Item = (&'a Path, &'a str)> + Clone) -> Graph {
        // A file for tests alone is none of the program.
        let test = |name: &String| {
            let declared = format!("#[cfg(test)]\nmod {name};");
            files.clone().any(|(_, text)| text.contains(&declared))
        };
        let program =
            files.clone().filter(|(path, _)| !path.starts_with("bin") && !module(path).last().is_some_and(test));
        Graph { files: program.map(|(path, text)| (module(path), read(text))).collect() }
    }

    /// A path as it stands in a file, from the root of the crate; `None` when it leads elsewhere.
    fn absolute(&self, from: &Module, path: &[String]) -> Option<Vec<String>> {
        let mut base = match path[0].as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            name => {
                let child: Module = from.iter().cloned().chain([name.to_owned()]).collect();
                if self.files.contains_key(&child) {
                    child
                } else {
                    let brought = self.files[from].uses.iter().find(|one| one.name == name && one.path[0] != name)?;
                    self.absolute(from, &brought.path)?
                }
            }
        };
        for name in &path[1..] {
            if name == "super" {
                base.pop()?;
            } else {
                base.push(name.clone());
            }
        }
        Some(base)
    }

    /// The file that an absolute path of a name ends in.
    fn home(&self, path: &[String], depth: usize) -> Option<Module> {
        let at = (0..=path.len()).rev().find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, file) = (path[..at].to_vec(), &self.files[&path[..at]]);
        // The module itself: nothing of it is taken yet.
        let name = path.get(at)?;
        if depth < 8 {
            let door = file.uses.iter().find(|one| one.name == *name);
            if let Some(next) = door.and_then(|one| self.absolute(&module, &one.path))
                && let Some(home) = self.home(&next, depth + 1)
            {
                return Some(home);
            }
            for all in file.uses.iter().filter(|one| one.name == "*") {
                if file.defines.contains(name) {
                    break;
                }
                let next = self
                    .absolute(&module, &all.path)
                    .map(|path| path.into_iter().chain([name.clone()]).collect::<Vec<_>>());
                if let Some(home) = next
                    .and_then(|next| self.home(&next, depth + 1))
                    .filter(|home| self.files[home].defines.contains(name))
                {
                    return Some(home);
                }
            }
        }
        Some(module)
    }

    /// The files that a file takes names from, with one of the names. A module puts its own parts together and says what they
    /// share: what it takes from those below it is no arrow.
    fn taken(&self, from: &Module) -> BTreeMap<Module, String> {
        let file = &self.files[from];
        let doors = file.uses.iter().map(|one| one.path.clone());
        let mut out = BTreeMap::new();
        for path in doors.chain(file.paths.iter().cloned()) {
            let home = self.absolute(from, &path).and_then(|path| self.home(&path, 0));
            if let Some(home) = home.filter(|home| !home.starts_with(from)) {
                out.insert(home, path.last().cloned().unwrap_or_default());
            }
        }
        out
    }

    /// Whether a module, or one below it, takes a name from another of this crate, or from one below that.
    pub fn takes(&self, from: &[String], to: &[String]) -> bool {
        let below = |module: &&Module| module.starts_with(from);
        self.files.keys().filter(below).any(|file| self.taken(file).keys().any(|home| home.starts_with(to)))
    }

    /// The paths into other crates of ours that a module, or one below it, names: the crate first.
    pub fn abroad(&self, from: &[String]) -> BTreeSet<Vec<String>> {
        let mut out = BTreeSet::new();
        for file in self.files.iter().filter(|(module, _)| module.starts_with(from)).map(|(_, file)| file) {
            for path in file.uses.iter().map(|one| &one.path).chain(&file.paths) {
                let alias = file.uses.iter().find(|one| one.name == path[0]).map(|one| &one.path);
                let whole: Vec<String> = match alias {
                    Some(alias) => alias.iter().chain(&path[1..]).cloned().collect(),
                    None => path.clone(),
                };
                if whole[0].starts_with("selfsame_") {
                    out.insert(whole);
                }
            }
        }
        out
    }

    /// The module in which a name is defined that others reach by this path from the root of the crate.
    pub fn defines(&self, path: &[String]) -> Option<Module> {
        self.home(path, 0)
    }

    /// Whether there is such a module.
    pub fn has(&self, module: &[String]) -> bool {
        self.files.contains_key(module)
    }

    /// Files that need each other, in a ring or several; each with what ties it to the others.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let arrows: BTreeMap<&Module, BTreeMap<Module, String>> =
            self.files.keys().map(|module| (module, self.taken(module))).collect();
        let reach = |from: &Module| {
            let mut seen = BTreeSet::new();
            let mut open = vec![from.clone()];
            while let Some(next) = open.pop() {
                for to in arrows[&next].keys() {
                    if seen.insert(to.clone()) {
                        open.push(to.clone());
                    }
                }
            }
            seen
        };
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            self.files.keys().map(|module| (module, reach(module))).collect();
        let mut out = Vec::new();
        let mut done: BTreeSet<&Module> = BTreeSet::new();
        for module in self.files.keys() {
            if done.contains(module) || !reached[module].contains(module) {
                continue;
            }
            let ring: Vec<&Module> = self
                .files
                .keys()
                .filter(|other| reached[module].contains(*other) && reached[*other].contains(module))
                .collect();
            done.extend(&ring);
            let inside = |from: &Module| {
                let ties = arrows[from].iter().filter(|(to, _)| ring.contains(to));
                let ties: Vec<String> = ties.map(|(to, name)| format!("{} ({name})", shown(to))).collect();
                format!("{} takes from {}", shown(from), ties.join(", "))
            };
            out.push(ring.iter().map(|from| inside(from)).collect());
        }
        out
    }
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "the root".into() } else { module.join("::") }
}

/// The module that a file is.
fn module(inside: &Path) -> Module {
    let mut parts: Module = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    let last = parts.pop().unwrap();
    match last.as_str() {
        "lib.rs" | "main.rs" | "mod.rs" => {}
        name => parts.push(name.trim_end_matches(".rs").to_owned()),
    }
    parts
}
