//! The git program, asked for names and texts. Nothing is checked out, fetched or written.
//!
//! Names of files are bytes between NULs, texts are asked for by their hashes: no name, however
//! hostile, is taken for an option, a pattern or the end of a line.

use super::{MOST_BYTES, MOST_VERSIONS, Refusal};
use crate::error::{escape_controls, shown};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Variables by which git tells a hook where the repository is. They are of no use for another one.
const PLACE_VARIABLES: [&str; 7] = [
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_WORK_TREE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
];

/// A repository.
pub(super) struct Repository {
    root: PathBuf,
    /// Whether it is the one of the working directory, which a hook may be run for.
    here: bool,
}

/// A file that git knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// From the root of the repository.
    pub path: PathBuf,
    /// The hash of its text.
    pub text: String,
}

/// A version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Past {
    /// The commit that made it.
    pub commit: String,
    /// What the file was called there.
    pub path: PathBuf,
    /// The hash of its text.
    pub text: String,
}

impl Repository {
    /// The repository of the working directory if `path` is in it, else that of `path`.
    pub(super) fn find(path: &Path) -> Result<Self, Refusal> {
        let here = Self { root: PathBuf::from("."), here: true };
        if let Ok(root) = here.top()
            && resolved(path).starts_with(&root)
        {
            return Ok(Self { root, here: true });
        }
        let resolved = resolved(path);
        let directory = resolved.ancestors().find(|ancestor| ancestor.is_dir()).unwrap_or(Path::new("."));
        let there = Self { root: directory.to_path_buf(), here: false };
        let root = there.top()?;
        Ok(Self { root, here: false })
    }

    fn top(&self) -> Result<PathBuf, Refusal> {
        let top = self.run(&["rev-parse", "--show-toplevel"].map(OsStr::new))?;
        let top = path_of(top.strip_suffix(b"\n").unwrap_or(&top));
        Ok(std::fs::canonicalize(&top).unwrap_or(top))
    }

    /// A path from the root; `None` of what is not in the repository.
    pub(super) fn inside(&self, path: &Path) -> Option<PathBuf> {
        resolved(path).strip_prefix(&self.root).ok().map(Path::to_path_buf)
    }

    /// A path of the repository, on disk.
    pub(super) fn on_disk(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }

    fn command(&self, arguments: &[&OsStr]) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(&self.root)
            .args(["--no-pager", "--literal-pathspecs", "-c", "core.quotepath=off", "-c", "diff.relative=false"])
            .args(["-c", "log.showSignature=false", "-c", "log.diffMerges=separate", "-c", "core.fsmonitor=false"])
            .args(arguments)
            // Messages are read; nobody is there to be asked for a password.
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !self.here {
            for variable in PLACE_VARIABLES {
                command.env_remove(variable);
            }
        }
        command
    }

    fn run(&self, arguments: &[&OsStr]) -> Result<Vec<u8>, Refusal> {
        let output = self.command(arguments).output().map_err(|error| no_program(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        let what = arguments.first().map_or(String::new(), |what| what.to_string_lossy().into_owned());
        Err(Refusal::new(format!("git {what}: {}", escape_controls(said.trim()))))
    }

    /// The commit that a revision names; `None` if there is none.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        // Git would take it for an option.
        if revision.is_empty() || revision.starts_with('-') || revision.contains('\0') {
            return None;
        }
        let name = format!("{revision}^{{commit}}");
        let found = self.run(&["rev-parse", "--verify", "--quiet", &name].map(OsStr::new)).ok()?;
        let hash = String::from_utf8(found).ok()?.trim().to_string();
        is_hash(&hash).then_some(hash)
    }

    /// The commit that a revision names, or why there is none and how to get it.
    pub(super) fn needed(&self, revision: &str) -> Result<String, Refusal> {
        self.commit(revision).ok_or_else(|| {
            let name = escape_controls(revision);
            let refusal = Refusal::new(format!("there is no revision {name} in {}", shown(&self.root)));
            let branch = branch_of(revision);
            match (self.is_shallow(), branch) {
                (true, branch) => refusal.help(shallow_help(branch.as_deref())),
                (false, Some(branch)) => refusal.help(format!("fetch it: {}", fetch(&branch, ""))),
                (false, None) => {
                    refusal.help("check the name: git log --oneline lists commits, git branch -a branches")
                }
            }
        })
    }

    /// Where two commits parted.
    pub(super) fn merge_base(&self, one: &str, other: &str, branch: &str) -> Result<String, Refusal> {
        let found = self.run(&["merge-base", "--", one, other].map(OsStr::new)).ok();
        let hash = found.and_then(|found| String::from_utf8(found).ok()).map(|hash| hash.trim().to_string());
        hash.filter(|hash| is_hash(hash)).ok_or_else(|| {
            let name = escape_controls(branch);
            let refusal = Refusal::new(format!("no commit is known that {name} and the new version have in common"));
            if self.is_shallow() {
                return refusal.help(shallow_help(branch_of(branch).as_deref()));
            }
            refusal.help(format!("the histories have nothing in common; compare with git:{name} instead"))
        })
    }

    /// Whether history was cut off when the repository was cloned.
    pub(super) fn is_shallow(&self) -> bool {
        self.run(&["rev-parse", "--is-shallow-repository"].map(OsStr::new))
            .is_ok_and(|answer| answer.starts_with(b"true"))
    }

    /// All files of a commit.
    pub(super) fn files(&self, commit: &str) -> Result<Vec<Listed>, Refusal> {
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", commit, "--"].map(OsStr::new);
        Ok(listed(&self.run(&arguments)?, 2))
    }

    /// All files that are staged, one text of each that is in conflict.
    pub(super) fn staged(&self) -> Result<Vec<Listed>, Refusal> {
        let mut files = listed(&self.run(&["ls-files", "--stage", "-z", "--"].map(OsStr::new))?, 1);
        files.dedup_by(|later, earlier| later.path == earlier.path);
        Ok(files)
    }

    /// Files on disk that git knows or would take, from the root.
    pub(super) fn on_disk_files(&self) -> Result<Vec<PathBuf>, Refusal> {
        let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"].map(OsStr::new);
        let names = self.run(&arguments)?;
        let mut paths: Vec<_> = names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(path_of).collect();
        paths.sort();
        paths.dedup();
        paths.retain(|path| self.on_disk(path).is_file());
        Ok(paths)
    }

    /// Commits that made a version of a file, newest first, along the first parents: what the branch held at
    /// one time. Moves are followed.
    pub(super) fn history(&self, commit: &str, path: &Path) -> Result<Vec<Past>, Refusal> {
        let most = format!("--max-count={}", MOST_VERSIONS + 1);
        let mut arguments: Vec<&OsStr> = ["log", "-z", "--format=%H", "--raw", "--no-abbrev", "-M", "-m"]
            .into_iter()
            .chain(["--first-parent", "--follow", "--no-color", "--no-ext-diff", &most, commit, "--"])
            .map(OsStr::new)
            .collect();
        arguments.push(path.as_os_str());
        Ok(past(&self.run(&arguments)?))
    }

    /// Starts to read texts.
    pub(super) fn texts(&self) -> Result<Texts, Refusal> {
        let mut command = self.command(&["cat-file", "--batch"].map(OsStr::new));
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| no_program(&error))?;
        let (asking, answers) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Ok(Texts { child, asking, answers, read: HashMap::new() })
    }
}

/// Texts by their hashes, each read once.
pub(super) struct Texts {
    child: Child,
    asking: Option<ChildStdin>,
    answers: Option<BufReader<ChildStdout>>,
    read: HashMap<String, Vec<u8>>,
}

/// Bytes of texts that are kept, for versions that share them.
const MOST_KEPT: usize = 1 << 20;

impl Texts {
    /// A text, never larger than the largest schema.
    pub(super) fn text(&mut self, listed: &Listed) -> Result<Vec<u8>, Refusal> {
        if let Some(text) = self.read.get(&listed.text) {
            return Ok(text.clone());
        }
        let text = self.ask(listed)?;
        if text.len() <= MOST_KEPT {
            self.read.insert(listed.text.clone(), text.clone());
        }
        Ok(text)
    }

    fn ask(&mut self, listed: &Listed) -> Result<Vec<u8>, Refusal> {
        let name = shown(&listed.path);
        let trouble = |error: std::io::Error| Refusal::new(format!("cannot read {name} from git: {error}"));
        let gone = || Refusal::new(format!("git does not have the text of {name}")).help("git fsck may say why");
        let (Some(asking), Some(answers)) = (&mut self.asking, &mut self.answers) else { return Err(gone()) };
        asking.write_all(format!("{}\n", listed.text).as_bytes()).and_then(|()| asking.flush()).map_err(trouble)?;
        let mut head = String::new();
        answers.read_line(&mut head).map_err(trouble)?;
        let mut words = head.split_whitespace().skip(1);
        let (Some("blob"), Some(size)) = (words.next(), words.next().and_then(|size| size.parse::<u64>().ok())) else {
            return Err(gone());
        };
        if size > MOST_BYTES {
            return Err(Refusal::new(format!("{name}: a schema has at most {} MiB", MOST_BYTES >> 20)));
        }
        let mut text = Vec::new();
        answers.take(size + 1).read_to_end(&mut text).map_err(trouble)?;
        // A line end follows.
        if text.len() as u64 != size + 1 {
            return Err(gone());
        }
        text.pop();
        Ok(text)
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        self.asking = None;
        self.answers = None;
        // It has ended, or ends now that nobody asks; nothing depends on how.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn no_program(error: &std::io::Error) -> Refusal {
    let help = "install git, or compare files: --old OLD --new NEW";
    Refusal::new(format!("the git program cannot be run: {error}")).help(help)
}

/// The branch that a revision names, without its remote; `None` of hashes and expressions.
fn branch_of(revision: &str) -> Option<String> {
    let name = revision.strip_prefix("refs/remotes/").or_else(|| revision.strip_prefix("refs/heads/"));
    let name = name.unwrap_or(revision);
    let name = name.strip_prefix("origin/").unwrap_or(name);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let is_name = !name.is_empty() && name.chars().all(plain) && !name.starts_with(['-', '.', '/']) && name != "HEAD";
    let is_hash = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_name && !is_hash).then(|| name.to_string())
}

fn fetch(branch: &str, options: &str) -> String {
    format!("git fetch {options}origin +refs/heads/{branch}:refs/remotes/origin/{branch}")
}

/// What to do about history that is cut off.
pub(super) fn shallow_help(branch: Option<&str>) -> String {
    let command = branch.map_or("git fetch --unshallow origin".to_string(), |branch| fetch(branch, "--unshallow "));
    format!(
        "this clone is shallow: {command}; in GitHub Actions, fetch-depth: 0 of actions/checkout; in GitLab, GIT_DEPTH: 0"
    )
}

/// A path without links, whether it is there or not; the last part is not followed.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                whole.pop();
            }
            std::path::Component::CurDir => {}
            part => {
                // What is below a link lies where the link leads.
                whole = std::fs::canonicalize(&whole).unwrap_or(whole);
                whole.push(part);
            }
        }
    }
    if whole.is_dir() { std::fs::canonicalize(&whole).unwrap_or(whole) } else { whole }
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Regular files of `MODE ... HASH ...\tPATH` between NULs; the hash is the word of that number.
fn listed(bytes: &[u8], hash: usize) -> Vec<Listed> {
    let one = |line: &[u8]| {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let words: Vec<&str> = std::str::from_utf8(&line[..tab]).ok()?.split(' ').collect();
        // Links and modules have other modes.
        let is_file = words.first().is_some_and(|mode| mode.starts_with("100"));
        let text = words.get(hash).filter(|text| is_file && is_hash(text))?;
        Some(Listed { path: path_of(&line[tab + 1..]), text: (*text).to_string() })
    };
    bytes.split(|byte| *byte == 0).filter_map(one).collect()
}

/// What `git log --raw -z --format=%H` says: a hash, then for each file `:MODE MODE HASH HASH STATUS`, its
/// path, and the path it moved to.
fn past(bytes: &[u8]) -> Vec<Past> {
    let mut found = Vec::new();
    let mut commit = String::new();
    let mut words = bytes.split(|byte| *byte == 0);
    while let Some(word) = words.next() {
        let word = word.strip_prefix(b"\n").unwrap_or(word);
        let Some(change) = word.strip_prefix(b":") else {
            if let Some(hash) = std::str::from_utf8(word).ok().filter(|hash| is_hash(hash)) {
                commit = hash.to_string();
            }
            continue;
        };
        let Some(mut path) = words.next() else { break };
        let change = String::from_utf8_lossy(change).into_owned();
        let parts: Vec<&str> = change.split(' ').collect();
        let status = parts.get(4).copied().unwrap_or("");
        if status.starts_with(['R', 'C']) {
            path = words.next().unwrap_or(path);
        }
        let is_file = parts.get(1).is_some_and(|mode| mode.starts_with("100"));
        if let Some(text) = parts.get(3).filter(|text| is_file && is_hash(text)) {
            found.push(Past { commit: commit.clone(), path: path_of(path), text: (*text).to_string() });
        }
    }
    found
}

/// A name as git has it: bytes.
#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// A name as git has it: UTF-8 where names are no bytes.
#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "a50d1e81b7e6f6976dc52e2e37d58459028a29a6";
    const TWO: &str = "bb41672ca60118c4be56d517764c06c4da8d2156";

    #[test]
    fn lists_hold_any_name_and_only_files() {
        let text =
            format!("100644 blob {ONE}\ts/new\nline.avsc\0120000 blob {TWO}\tlink\0160000 commit {TWO}\tmodule\0");
        assert_eq!(listed(text.as_bytes(), 2), [Listed { path: "s/new\nline.avsc".into(), text: ONE.into() }]);
        let text = format!("100755 {TWO} 0\t--all\0");
        assert_eq!(listed(text.as_bytes(), 1), [Listed { path: "--all".into(), text: TWO.into() }]);
    }

    #[test]
    fn histories_follow_moves_and_leave_ends_out() {
        let zero = "0".repeat(40);
        let text = format!(
            "{TWO}\0\n:100644 100644 {ONE} {ONE} R100\0a.avsc\0b.avsc\0{ONE}\0\n:100644 000000 {ONE} {zero} D\0a.avsc\0\
             {ONE}\0\n:000000 100644 {zero} {TWO} A\0a.avsc\0"
        );
        let found: Vec<_> = past(text.as_bytes()).into_iter().map(|past| (past.commit, past.path, past.text)).collect();
        let expected =
            [(TWO.to_string(), "b.avsc".into(), ONE.to_string()), (ONE.to_string(), "a.avsc".into(), TWO.to_string())];
        assert_eq!(found, expected);
    }

    #[test]
    fn branches_are_told_from_hashes_and_expressions() {
        let cases = [
            ("origin/main", Some("main")),
            ("refs/remotes/origin/release/1.2", Some("release/1.2")),
            ("main", Some("main")),
            ("HEAD", None),
            ("HEAD~2", None),
            ("a50d1e81b7", None),
            ("$(reboot)", None),
            ("-x", None),
        ];
        for (revision, branch) in cases {
            assert_eq!(branch_of(revision).as_deref(), branch, "{revision}");
        }
        let help = shallow_help(Some("main"));
        assert!(help.contains("git fetch --unshallow origin +refs/heads/main:refs/remotes/origin/main;"), "{help}");
    }
}
