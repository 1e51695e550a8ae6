//! Versions that are files: two of them, or a directory of versions.

use super::pairing::{Known, is_numbered, natural, pair};
use super::tree::{Bytes, File, Reading, Tree, language_of, read};
use super::{Loaded, MOST_SCHEMAS, Mistake, Refusal, Request, skipped};
use crate::compat::gate::{Entry, Subject, spelt};
use crate::compat::{Language, Version};
use crate::error::shown;
use crate::input::files::list;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Whether a file in a directory is taken for a schema. Data may end as JSON does, and tables are data by
/// nature: both are schemas when they are named, or when the language is.
pub(super) fn is_schema_name(path: &Path, language: Option<Language>) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let of_json = name.ends_with(".schema.json") || name.ends_with(".jsonschema");
    match language {
        None => name.ends_with(".avsc") || of_json,
        Some(Language::Avro) => name.ends_with(".avsc"),
        Some(Language::JsonSchema) => of_json || name.ends_with(".json"),
        Some(Language::Table) => language_of(path) == Some(Language::Table),
    }
}

/// Whether a name stands for several files.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[']) && !path.exists()
}

/// The schema files that names stand for, in order and without repetition.
fn files_of(paths: &[PathBuf], language: Option<Language>) -> Result<Vec<PathBuf>, Refusal> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() && !is_pattern(path) {
            if !path.exists() {
                let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
                return Err(crate::error::Error::Read { path: path.clone(), source: missing }.into());
            }
            found.push(path.clone());
            continue;
        }
        let Some(name) = path.to_str() else {
            return Err(Refusal::new(format!("{}: not a name in UTF-8", shown(path))));
        };
        // What a pattern matches was meant; what lies in a directory may be something else.
        let by_name = path.is_dir();
        let files = list(name)?.into_iter().map(|file| file.path);
        found.extend(files.filter(|file| !by_name || is_schema_name(file, language)));
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|path| seen.insert(path.clone()));
    if found.len() > MOST_SCHEMAS {
        return Err(Refusal::new(format!("there are more than {MOST_SCHEMAS} schemas")));
    }
    Ok(found)
}

/// A file of this machine.
pub(super) fn file(path: PathBuf, compared: bool, language: Option<Language>) -> Result<File, Refusal> {
    let bytes = match language.or_else(|| language_of(&path)) {
        Some(Language::Table) => Bytes::At(path.clone()),
        _ => Bytes::Held(read(&path)?),
    };
    Ok(File { shown: spelt(&path), path, bytes, compared })
}

fn tree(paths: Vec<PathBuf>, request: &Request, lenient: bool) -> Result<Tree, Refusal> {
    let references = files_of(&request.references, request.language)?;
    let others = references.into_iter().filter(|reference| !paths.contains(reference)).map(|path| (path, false));
    let all: Vec<_> = paths.iter().cloned().map(|path| (path, true)).chain(others).collect();
    let files = all.into_iter().map(|(path, compared)| file(path, compared, request.language));
    Ok(Tree::new(files.collect::<Result<_, _>>()?, Reading { language: request.language, lenient }))
}

/// `--old` and `--new`.
pub(super) fn two(old: &Path, new: &Path, request: &Request) -> Result<Loaded, Refusal> {
    for path in [old, new] {
        if path.is_dir() {
            let message = format!("{} is a directory: --old and --new are files", shown(path));
            return Err(Refusal::new(message).help("write dq compat NEW --against OLD for directories"));
        }
    }
    let new_tree = tree(vec![new.to_path_buf()], request, false)?;
    let old_tree = tree(vec![old.to_path_buf()], request, request.lenient_old)?;
    let mut readings = Readings::default();
    let subject = readings.subject(&new_tree, 0, &[(&old_tree, 0)], request.lenient_old);
    readings.finish(vec![subject], spelt(old), false)
}

/// `--against` a file, or a directory of versions: those of the same full name, else of the same file name,
/// the newest first. A directory whose files are all called after versions has versions of the one schema
/// that is compared, whatever their names.
pub(super) fn versions(base: &Path, request: &Request) -> Result<Loaded, Refusal> {
    if request.staged {
        let help = "name a revision, such as --against git:HEAD";
        return Err(Refusal::new("--staged takes new versions from git, so old ones come from there too").help(help));
    }
    if request.schemas.is_empty() {
        let help = "write dq compat SCHEMA --against OLD";
        return Err(Refusal::new("the schemas to be compared are missing").help(help));
    }
    let whole = request.schemas.iter().any(|path| path.is_dir() || is_pattern(path));
    let new_paths = files_of(&request.schemas, request.language)?;
    let places: HashSet<PathBuf> = new_paths.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    let mut old_paths = files_of(std::slice::from_ref(&base.to_path_buf()), request.language)?;
    // The newest version may lie beside the older ones.
    let others = old_paths.len();
    old_paths.retain(|old| !std::fs::canonicalize(old).is_ok_and(|place| places.contains(&place)));
    if old_paths.is_empty() && others > 0 {
        let help = "name the earlier versions, or a revision such as --against git:HEAD";
        let message = format!("nothing was compared: {} holds the schemas that are to be compared", shown(base));
        return Err(Refusal::new(message).help(help));
    }
    old_paths.sort_by(|one, other| natural(other, one));
    if old_paths.is_empty() {
        let help = "files that end otherwise than .avsc or .schema.json need --type";
        let message = format!("nothing was compared: there is no other schema in {}", shown(base));
        return Err(Refusal::new(message).help(help));
    }
    let new = tree(new_paths, request, false)?;
    let old = tree(old_paths, request, request.lenient_old)?;
    let (news, olds) = (new.compared(), old.compared());
    let below = |tree: &Tree, position: usize, roots: &[PathBuf]| Known {
        path: below(&tree.file(position).path, roots),
        ..tree.known(position)
    };
    let new_known: Vec<_> = news.iter().map(|position| below(&new, *position, &request.schemas)).collect();
    let old_known: Vec<_> = olds.iter().map(|position| below(&old, *position, &[base.to_path_buf()])).collect();
    let one_schema =
        news.len() == 1 && (base.is_file() || olds.iter().all(|position| is_numbered(&old.file(*position).path)));
    let pairs = pair(&new_known, &old_known);
    let mut used = vec![false; olds.len()];
    let mut readings = Readings::default();
    let mut subjects = Vec::new();
    for ((known, position), nearest) in new_known.iter().zip(&news).zip(pairs) {
        let is_version = |other: &Known, at: usize| {
            one_schema || nearest == Some(at) || nearest.is_some() && known.name.is_some() && other.name == known.name
        };
        // Old versions stand from new to old.
        let mut versions = Vec::new();
        for (at, _) in old_known.iter().enumerate().filter(|(at, other)| is_version(other, *at)) {
            used[at] = true;
            versions.push((&old, olds[at]));
        }
        if !request.every_version {
            versions.truncate(1);
        }
        subjects.push(readings.subject(&new, *position, &versions, request.lenient_old));
    }
    if whole && base.is_dir() {
        for (at, position) in olds.iter().enumerate().filter(|(at, _)| !used[*at]) {
            // Of several versions of what is gone, one is enough.
            let known = &old_known[at];
            let again = old_known[..at].iter().any(|other| known.name.is_some() && other.name == known.name);
            if !again {
                subjects.push(gone(&old, *position));
            }
        }
    }
    readings.finish(subjects, spelt(base), whole)
}

/// A path below the directory it was found in; of a single file, its name.
fn below(path: &Path, roots: &[PathBuf]) -> PathBuf {
    let inside = roots.iter().filter(|root| root.is_dir()).find_map(|root| path.strip_prefix(root).ok());
    let name = || path.file_name().map(PathBuf::from);
    inside.map(Path::to_path_buf).or_else(name).unwrap_or_else(|| path.to_path_buf())
}

/// A schema that is not there any more.
pub(super) fn gone(old: &Tree, position: usize) -> Subject {
    let file = old.file(position);
    Subject {
        name: old.name(position),
        file: Some(spelt(&file.path)),
        new: None,
        previous: Vec::new(),
        last: Some(file.shown.clone()),
    }
}

/// Schemas as they are read, and what could not be.
#[derive(Default)]
pub(super) struct Readings {
    mistakes: Vec<Mistake>,
    notes: Vec<Entry>,
}

impl Readings {
    /// A subject of a new file and old ones, newest first. Mistakes are kept for the end.
    pub(super) fn subject(
        &mut self,
        new: &Tree,
        position: usize,
        versions: &[(&Tree, usize)],
        lenient_old: bool,
    ) -> Subject {
        let file = Some(spelt(&new.file(position).path));
        let name = new.name(position);
        let schema = new.parse(position).map_err(|mistakes| self.mistakes.extend(mistakes)).ok();
        let mut previous = Vec::with_capacity(versions.len());
        for (tree, at) in versions {
            match tree.parse(*at) {
                Ok(schema) => previous.push(Version { name: tree.file(*at).shown.clone(), schema }),
                // A schema that was broken is mended by a new one; one that others can still be asked about.
                Err(mistakes) if lenient_old && versions.len() > 1 => {
                    let reason = mistakes.first().map_or("", |mistake| mistake.message.as_str());
                    let message = format!("{} cannot be read: {reason}", tree.file(*at).shown);
                    self.notes.push(skipped(message, file.clone()));
                }
                Err(mistakes) => self.mistakes.extend(mistakes),
            }
        }
        if !versions.is_empty() && previous.is_empty() && self.mistakes.is_empty() {
            let message = format!("none of {} earlier versions of {name} can be read", versions.len());
            self.mistakes.push(Mistake { file: file.clone().unwrap_or_default(), position: None, message });
        }
        Subject { name, file, new: schema, previous, last: None }
    }

    /// All of it, unless something cannot be read.
    pub(super) fn finish(mut self, subjects: Vec<Subject>, against: String, whole: bool) -> Result<Loaded, Refusal> {
        if self.mistakes.is_empty() {
            return Ok(Loaded { subjects, notes: self.notes, whole, against });
        }
        // A file that several schemas take types from is wrong once.
        let mut seen = std::collections::HashSet::new();
        self.mistakes.retain(|mistake| seen.insert((mistake.file.clone(), mistake.position, mistake.message.clone())));
        Err(Refusal::of(self.mistakes))
    }
}
