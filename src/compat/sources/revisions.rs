//! Versions that git has: of a revision, of where a branch was left, of what is staged or pushed.

use super::files::{Readings, gone, is_pattern, is_schema_name};
use super::git::{Listed, Repository, Texts, shallow_help};
use super::pairing::{Known, is_numbered, natural, pair};
use super::tree::{Bytes, File, Reading, Tree, language_of, read};
use super::{Base, Loaded, MOST_SCHEMAS, Refusal, Request};
use crate::compat::Language;
use crate::compat::gate::spelt;
use crate::error::shown;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which files of a repository are meant.
struct Scope {
    files: BTreeSet<PathBuf>,
    directories: Vec<PathBuf>,
    patterns: Vec<glob::Pattern>,
    language: Option<Language>,
}

impl Scope {
    fn new(paths: &[PathBuf], repository: &Repository, language: Option<Language>) -> Result<Self, Refusal> {
        let mut scope = Self { files: BTreeSet::new(), directories: Vec::new(), patterns: Vec::new(), language };
        for path in paths {
            let Some(inside) = repository.inside(path) else {
                let message = format!("{} is in another repository, or in none", shown(path));
                return Err(Refusal::new(message).help("compare files: --against OLD, or --old OLD --new NEW"));
            };
            if path.is_dir() || inside.as_os_str().is_empty() {
                scope.directories.push(inside);
            } else if is_pattern(path) {
                let pattern = glob::Pattern::new(&spelt(&inside))
                    .map_err(|error| Refusal::new(format!("{}: {error}", shown(path))))?;
                scope.patterns.push(pattern);
            } else {
                // It may be a directory that is gone.
                scope.files.insert(inside);
            }
        }
        Ok(scope)
    }

    fn holds(&self, path: &Path) -> bool {
        let literally = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        let by_name = is_schema_name(path, self.language);
        self.files.contains(path)
            || by_name && self.directories.iter().any(|directory| path.starts_with(directory))
            || by_name && self.files.iter().any(|gone| path.starts_with(gone))
            || self.patterns.iter().any(|pattern| pattern.matches_path_with(path, literally))
    }

    fn is_whole(&self) -> bool {
        !self.directories.is_empty() || !self.patterns.is_empty()
    }
}

/// Where a side's texts are.
enum Side {
    /// In files on disk.
    Disk(Vec<PathBuf>),
    /// In git.
    Git(Vec<Listed>),
}

impl Side {
    fn paths(&self) -> BTreeSet<&Path> {
        match self {
            Side::Disk(paths) => paths.iter().map(PathBuf::as_path).collect(),
            Side::Git(files) => files.iter().map(|file| file.path.as_path()).collect(),
        }
    }
}

/// Reads new versions and those of the revision.
pub(super) fn load(request: &Request) -> Result<Loaded, Refusal> {
    let start = request.schemas.first().cloned().unwrap_or_else(|| PathBuf::from("."));
    let repository = Repository::find(&start)?;
    let everything = [PathBuf::from(".")];
    let asked = if request.schemas.is_empty() { &everything[..] } else { &request.schemas[..] };
    let scope = Scope::new(asked, &repository, request.language)?;
    let references = Scope::new(&request.references, &repository, request.language)?;
    let new_commit = match (&request.base, &request.new_revision) {
        (Base::Push { to, .. }, _) => Some(repository.needed(to)?),
        (_, Some(revision)) if !request.staged => Some(repository.needed(revision)?),
        _ => None,
    };
    let (base, label) = base_commit(&request.base, &repository, new_commit.as_deref())?;
    let new_side = match &new_commit {
        _ if request.staged => Side::Git(repository.staged()?),
        Some(commit) => Side::Git(repository.files(commit)?),
        None => {
            let mut paths = repository.on_disk_files()?;
            // What is named is meant, whatever git ignores.
            paths.extend(scope.files.iter().filter(|path| repository.on_disk(path).is_file()).cloned());
            paths.sort();
            paths.dedup();
            Side::Disk(paths)
        }
    };
    let old_files = base.as_deref().map_or(Ok(Vec::new()), |base| repository.files(base))?;
    let mut texts = repository.texts()?;
    let reader = &mut Reader { repository: &repository, texts: &mut texts, request };
    let new = reader.new_tree(&new_side, &scope, &references)?;
    let kept = new_side.paths();
    let is_missing = |file: &&PathBuf| {
        !kept.iter().any(|path| path.starts_with(file)) && !old_files.iter().any(|old| old.path.starts_with(file))
    };
    if let Some(missing) = scope.files.iter().find(is_missing) {
        let message = format!("there is no file {}, neither now nor in {label}", shown(missing));
        return Err(Refusal::new(message));
    }
    // The old side may be elsewhere in the repository.
    let elsewhere = match &request.base {
        Base::Revision { path: Some(path), .. } => Some(Elsewhere::find(path, &old_files, &label)?),
        _ => None,
    };
    let in_old_scope = |file: &Listed| match &elsewhere {
        Some(elsewhere) => elsewhere.holds(&file.path, request.language),
        None => scope.holds(&file.path),
    };
    let compared = |file: &Listed| {
        // What is out of scope may be what a file in it was before it moved.
        in_old_scope(file)
            || elsewhere.is_none()
                && is_schema_name(&file.path, request.language)
                && !kept.contains(file.path.as_path())
    };
    let chosen: Vec<(Listed, bool)> = old_files
        .iter()
        .filter(|file| compared(file) || references.holds(&file.path) || is_schema_name(&file.path, request.language))
        .map(|file| (file.clone(), compared(file)))
        .collect();
    let old = reader.tree(&chosen, &label, request.lenient_old)?;
    let (news, olds) = (new.compared(), old.compared());
    let new_known: Vec<Known> = news.iter().map(|position| new.known(*position)).collect();
    let old_known: Vec<Known> = olds.iter().map(|position| old.known(*position)).collect();
    let matching = |known: &Known| match &elsewhere {
        Some(elsewhere) => {
            Known { path: elsewhere.seen_from(&known.path, asked, &repository), name: known.name.clone() }
        }
        None => known.clone(),
    };
    let pairs = pair(&new_known.iter().map(matching).collect::<Vec<_>>(), &old_known);
    let only_one = elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.is_file) && news.len() == 1 && olds.len() == 1;
    let mut used = vec![false; olds.len()];
    let mut readings = Readings::default();
    let mut subjects = Vec::new();
    for (position, nearest) in news.iter().zip(pairs) {
        let nearest = if only_one { Some(0) } else { nearest };
        let Some(at) = nearest else {
            subjects.push(readings.subject(&new, *position, &[], request.lenient_old));
            continue;
        };
        used[at] = true;
        let (Some(base), true) = (&base, request.every_version) else {
            subjects.push(readings.subject(&new, *position, &[(&old, olds[at])], request.lenient_old));
            continue;
        };
        // What the revision itself holds is the newest version, whatever history says.
        let trees = reader.history(base, &old, olds[at], &old_files)?;
        let mut versions: Vec<(&Tree, usize)> = vec![(&old, olds[at])];
        versions.extend(trees.iter().map(|(tree, position)| (tree, *position)));
        subjects.push(readings.subject(&new, *position, &versions, request.lenient_old));
    }
    let numbered_siblings = |path: &Path| is_numbered(path) && kept.iter().any(|kept| kept.parent() == path.parent());
    let removable = scope.is_whole() || !scope.files.is_empty();
    for (at, position) in olds.iter().enumerate().filter(|(at, _)| !used[*at] && removable) {
        let file = old.file(*position);
        let is_gone = match &elsewhere {
            None => scope.holds(&file.path) && !kept.contains(file.path.as_path()),
            Some(elsewhere) => !elsewhere.is_file && scope.is_whole(),
        };
        // Of versions in a directory the old ones may go.
        let superseded = numbered_siblings(&file.path)
            && new_known.iter().any(|known| known.name.is_some() && known.name == old_known[at].name);
        if is_gone && !superseded {
            subjects.push(gone(&old, *position));
        }
    }
    subjects.sort_by(|one, other| natural(path_of(one), path_of(other)));
    readings.finish(subjects, label, scope.is_whole())
}

fn path_of(subject: &crate::compat::gate::Subject) -> &Path {
    Path::new(subject.file.as_deref().unwrap_or(""))
}

/// The commit that old versions are taken from, and what it is called. `None` before the first commit.
fn base_commit(
    base: &Base,
    repository: &Repository,
    new_commit: Option<&str>,
) -> Result<(Option<String>, String), Refusal> {
    let head = new_commit.unwrap_or("HEAD");
    match base {
        Base::Revision { revision, .. } => match repository.commit(revision) {
            // Everything is new in a repository without commits.
            None if revision == "HEAD" => Ok((None, revision.clone())),
            Some(commit) => Ok((Some(commit), revision.clone())),
            None => Err(repository.needed(revision).err().unwrap_or_else(|| Refusal::new("the revision went away"))),
        },
        Base::MergeBase(branch) => {
            let there = known_branch(branch, repository)?;
            let commit = repository.merge_base(&repository.needed(head)?, &there, branch)?;
            let label = short(&commit);
            Ok((Some(commit), label))
        }
        Base::Push { from, to } => {
            let (from_commit, to_commit) = (repository.needed(from)?, repository.needed(to)?);
            // What others pushed since is not taken back by this push.
            let commit = repository.merge_base(&to_commit, &from_commit, from).unwrap_or(from_commit);
            let label = short(&commit);
            Ok((Some(commit), label))
        }
        Base::Files { .. } | Base::Path(_) => Err(Refusal::new("files are not revisions")),
    }
}

/// A branch, or the one of that name that the remote has: clones of CI have no other.
fn known_branch(branch: &str, repository: &Repository) -> Result<String, Refusal> {
    let remote = format!("refs/remotes/origin/{branch}");
    repository.commit(branch).or_else(|| repository.commit(&remote)).map_or_else(|| repository.needed(branch), Ok)
}

fn short(commit: &str) -> String {
    commit.get(..12).unwrap_or(commit).to_string()
}

/// Old versions at a path of their own: `git:REV:PATH`.
struct Elsewhere {
    path: PathBuf,
    is_file: bool,
}

impl Elsewhere {
    fn find(path: &Path, old: &[Listed], label: &str) -> Result<Self, Refusal> {
        let path: PathBuf = path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
        let is_file = old.iter().any(|file| file.path == path);
        if !is_file && !old.iter().any(|file| file.path.starts_with(&path)) {
            let message = format!("there is no {} in {}", shown(&path), crate::error::escape_controls(label));
            return Err(Refusal::new(message).help("paths of a revision start at the root of the repository"));
        }
        Ok(Self { path, is_file })
    }

    fn holds(&self, path: &Path, language: Option<Language>) -> bool {
        path == self.path || path.starts_with(&self.path) && is_schema_name(path, language)
    }

    /// Where the file at a path of the new side would be.
    fn seen_from(&self, path: &Path, asked: &[PathBuf], repository: &Repository) -> PathBuf {
        let roots = asked.iter().filter(|path| path.is_dir()).filter_map(|path| repository.inside(path));
        let below = roots.filter_map(|root| path.strip_prefix(root).ok().map(Path::to_path_buf)).next();
        let below = below.or_else(|| path.file_name().map(PathBuf::from)).unwrap_or_default();
        if self.is_file { self.path.clone() } else { self.path.join(below) }
    }
}

/// Reads trees.
struct Reader<'a> {
    repository: &'a Repository,
    texts: &'a mut Texts,
    request: &'a Request,
}

impl Reader<'_> {
    fn new_tree(&mut self, side: &Side, scope: &Scope, references: &Scope) -> Result<Tree, Refusal> {
        let language = self.request.language;
        // Schemas that are not compared may have types that those take.
        let wanted = |path: &Path| scope.holds(path) || references.holds(path) || is_schema_name(path, language);
        match side {
            Side::Git(files) => {
                let chosen: Vec<_> = files
                    .iter()
                    .filter(|file| wanted(&file.path))
                    .map(|file| (file.clone(), scope.holds(&file.path)))
                    .collect();
                self.tree(&chosen, "", false)
            }
            Side::Disk(paths) => {
                let mut files = Vec::new();
                for path in paths.iter().filter(|path| wanted(path)) {
                    let on_disk = self.repository.on_disk(path);
                    let bytes = match language.or_else(|| language_of(path)) {
                        Some(Language::Table) => Bytes::At(on_disk),
                        _ => Bytes::Held(read(&on_disk)?),
                    };
                    files.push(File { path: path.clone(), shown: spelt(path), bytes, compared: scope.holds(path) });
                    enough(files.len())?;
                }
                Ok(Tree::new(files, Reading { language, lenient: false }))
            }
        }
    }

    fn tree(&mut self, chosen: &[(Listed, bool)], label: &str, lenient: bool) -> Result<Tree, Refusal> {
        enough(chosen.len())?;
        let mut files = Vec::with_capacity(chosen.len());
        for (listed, compared) in chosen {
            let bytes = Bytes::Held(self.texts.text(listed)?);
            let path = spelt(&listed.path);
            let shown = if label.is_empty() { path } else { format!("{label}:{path}") };
            files.push(File { path: listed.path.clone(), shown, bytes, compared: *compared });
        }
        Ok(Tree::new(files, Reading { language: self.request.language, lenient }))
    }

    /// Versions of a file before that of a commit, newest first, each with the files it takes types from as they
    /// were then.
    fn history(
        &mut self,
        base: &str,
        old: &Tree,
        position: usize,
        old_files: &[Listed],
    ) -> Result<Vec<(Tree, usize)>, Refusal> {
        if self.repository.is_shallow() {
            let message = "earlier versions are missing: the history of this clone is cut off";
            return Err(Refusal::new(message).help(shallow_help(None)));
        }
        let file = old.file(position);
        let needs_others = old.has_references(position);
        let newest = old_files.iter().find(|listed| listed.path == file.path).map(|listed| listed.text.clone());
        let mut seen: BTreeSet<String> = newest.iter().cloned().collect();
        let mut trees = Vec::new();
        for (number, past) in self.repository.history(base, &file.path)?.into_iter().enumerate() {
            // A version that came back is no further one, unless what it takes from others differs.
            let is_known = !seen.insert(past.text.clone());
            let is_newest = number == 0 && newest.as_deref() == Some(past.text.as_str());
            if is_newest || is_known && !needs_others {
                continue;
            }
            let own = Listed { path: past.path.clone(), text: past.text };
            let mut chosen = vec![(own, true)];
            if needs_others {
                let others = self.repository.files(&past.commit)?;
                let others = others.into_iter().filter(|other| other.path != past.path);
                let schemas = others.filter(|other| is_schema_name(&other.path, self.request.language));
                chosen.extend(schemas.map(|other| (other, false)));
            }
            trees.push((self.tree(&chosen, &short(&past.commit), self.request.lenient_old)?, 0));
        }
        Ok(trees)
    }
}

fn enough(files: usize) -> Result<(), Refusal> {
    if files > MOST_SCHEMAS {
        return Err(Refusal::new(format!("there are more than {MOST_SCHEMAS} schemas")));
    }
    Ok(())
}
