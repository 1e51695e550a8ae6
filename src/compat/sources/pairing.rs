//! Which old schema a new one comes from, and in which order versions stand.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is known of a file before it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Its path, comparable on both sides.
    pub path: PathBuf,
    /// Its full name, or `$id`.
    pub name: Option<String>,
}

/// For each new schema the old one it comes from: that of the same name and path; of the same name, the last
/// by path; of the same path. So a file that moves is followed, a file with the name of another is its next
/// version, and a type that is renamed in place is compared with what it was.
pub(super) fn pair(new: &[Known], old: &[Known]) -> Vec<Option<usize>> {
    let mut by_path: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, known) in old.iter().enumerate() {
        by_path.insert(&known.path, position);
        if let Some(name) = &known.name {
            by_name.entry(name).or_default().push(position);
        }
    }
    for positions in by_name.values_mut() {
        positions.sort_by(|one, other| natural(&old[*one].path, &old[*other].path));
    }
    let kept: std::collections::BTreeSet<&Path> = new.iter().map(|known| known.path.as_path()).collect();
    let of = |known: &Known| {
        let same_path = by_path.get(known.path.as_path()).copied();
        let named: &[usize] = known.name.as_deref().and_then(|name| by_name.get(name)).map_or(&[], Vec::as_slice);
        if let Some(position) = same_path.filter(|position| named.contains(position)) {
            return Some(position);
        }
        // A file that is no longer there is where this one comes from; one that stays has its own successor.
        let moved = named.iter().rev().find(|position| !kept.contains(old[**position].path.as_path()));
        moved.or(named.last()).copied().or(same_path)
    };
    new.iter().map(of).collect()
}

/// Paths in the order of people: `v2` before `v10`.
pub(super) fn natural(one: &Path, other: &Path) -> Ordering {
    let (left, right) = (one.to_string_lossy(), other.to_string_lossy());
    let (mut left, mut right) = (left.chars().peekable(), right.chars().peekable());
    loop {
        let (Some(&a), Some(&b)) = (left.peek(), right.peek()) else {
            return left.peek().is_some().cmp(&right.peek().is_some()).then_with(|| one.cmp(other));
        };
        let ordering = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (a, b) = (digits(&mut left), digits(&mut right));
            a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
        } else {
            left.next();
            right.next();
            // A directory stands before names that continue its own.
            let rank = |character: char| if character == '/' { '\0' } else { character };
            rank(a).cmp(&rank(b))
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

/// The number that comes next, without leading zeros.
fn digits(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut number = String::new();
    while let Some(digit) = characters.next_if(char::is_ascii_digit) {
        if !(number.is_empty() && digit == '0') {
            number.push(digit);
        }
    }
    number
}

/// Whether a file is called after its version: `v1`, `2`, `1.4.0`, `user-v3`, `user_12`.
pub(super) fn is_numbered(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let stem = ["schema.json", "avsc", "json", "parquet", "arrow"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending).and_then(|stem| stem.strip_suffix('.')))
        .unwrap_or(&name);
    let number = stem.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    if number.len() == stem.len() {
        return false;
    }
    let before = number.strip_suffix('v').unwrap_or(number);
    before.is_empty() || before.ends_with(['-', '_', '.']) || number.ends_with(['-', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(path: &str, name: &str) -> Known {
        Known { path: path.into(), name: (!name.is_empty()).then(|| name.to_string()) }
    }

    #[test]
    fn versions_stand_in_the_order_of_their_numbers() {
        let mut names = ["v10.avsc", "v2.avsc", "v1.10.avsc", "v1.9.avsc", "v1.avsc", "a/v01", "a/v1", "a-b/v0"];
        names.sort_by(|one, other| natural(Path::new(one), Path::new(other)));
        assert_eq!(names, ["a/v01", "a/v1", "a-b/v0", "v1.9.avsc", "v1.10.avsc", "v1.avsc", "v2.avsc", "v10.avsc"]);
    }

    #[test]
    fn files_are_called_after_versions_or_after_schemas() {
        for name in ["v1.avsc", "2.json", "1.4.0.avsc", "user-v3.avsc", "user_12.schema.json", "user.v2.avsc"] {
            assert!(is_numbered(Path::new(name)), "{name}");
        }
        for name in ["user.avsc", "iso8601x.avsc", "user2.avsc", "dev.avsc"] {
            assert!(!is_numbered(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn names_decide_before_paths() {
        let old = [known("s/user.avsc", "User"), known("s/order.avsc", "Order"), known("s/v9.avsc", "V")];
        let cases = [
            (vec![known("s/user.avsc", "User")], vec![Some(0)]),
            (vec![known("t/person.avsc", "User")], vec![Some(0)]),
            (vec![known("s/user.avsc", "Person")], vec![Some(0)]),
            (vec![known("s/user.avsc", "Order")], vec![Some(1)]),
            (vec![known("s/v9.avsc", "V"), known("s/v10.avsc", "V")], vec![Some(2), Some(2)]),
            (vec![known("s/new.avsc", "New")], vec![None]),
            (vec![known("s/user.avsc", "")], vec![Some(0)]),
        ];
        for (new, expected) in cases {
            assert_eq!(pair(&new, &old), expected, "{new:?}");
        }
    }
}
