//! `allOf`, `anyOf`, `oneOf`: alternatives are told apart by what they accept, not by their
//! place in the list, so each is matched with one of the other side, as many as can be at once.

use super::differ::Differ;
use super::view::{Combination, Criterion, View};
use crate::compat::finding::Kind;
use std::collections::VecDeque;

/// A schema became a combination.
pub(super) fn wrapped<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>, only: &Combination<'a>) {
    let extended =
        only.criterion != Criterion::All && only.branches.iter().any(|branch| differ.covers(original, *branch));
    let kind = if extended { Kind::SumTypeExtended } else { Kind::TypeChanged };
    let keyword = only.criterion.keyword();
    differ.difference(kind, &[], Some(original), update.keyword(keyword).or(Some(update)), || {
        if extended {
            format!("one schema of `{keyword}` accepts what was accepted before")
        } else {
            format!("a schema became `{keyword}`, and no schema in it is known to accept what was accepted before")
        }
    });
}

/// A combination became a schema.
pub(super) fn unwrapped<'a>(differ: &mut Differ, original: View<'a>, update: View<'a>, only: &Combination<'a>) {
    let accepted = only.branches.iter().filter(|branch| differ.covers(**branch, update)).count();
    let kind = match only.criterion {
        Criterion::All if accepted > 0 => Kind::ProductTypeNarrowed,
        Criterion::Any | Criterion::One if (1..only.branches.len()).contains(&accepted) => Kind::SumTypeNarrowed,
        _ => Kind::TypeChanged,
    };
    let keyword = only.criterion.keyword();
    differ.difference(kind, &[], original.keyword(keyword).or(Some(original)), Some(update), || {
        format!(
            "{accepted} of {} schemas of `{keyword}` are accepted by the schema that replaces them",
            only.branches.len()
        )
    });
}

/// The combinations of both sides.
pub(super) fn compare<'a>(
    differ: &mut Differ,
    original: (View<'a>, &[Combination<'a>]),
    update: (View<'a>, &[Combination<'a>]),
) {
    if let ([before], [after]) = (original.1, update.1)
        && before.criterion != after.criterion
    {
        let kind =
            if after.criterion == Criterion::Any { Kind::CombinedTypeExtended } else { Kind::CombinedTypeChanged };
        let (old, new) = (before.criterion.keyword(), after.criterion.keyword());
        let places = (original.0.keyword(old).or(Some(original.0)), update.0.keyword(new).or(Some(update.0)));
        differ.difference(kind, &[new], places.0, places.1, || format!("`{old}` became `{new}`"));
        if kind == Kind::CombinedTypeExtended {
            branches(differ, (original.0, before), (update.0, after));
        }
        return;
    }
    for criterion in [Criterion::All, Criterion::Any, Criterion::One] {
        let of = |side: &'_ [Combination<'a>]| side.iter().position(|one| one.criterion == criterion);
        let keyword = criterion.keyword();
        let places = (original.0.keyword(keyword).or(Some(original.0)), update.0.keyword(keyword).or(Some(update.0)));
        match (of(original.1), of(update.1)) {
            (None, None) => {}
            (Some(_), None) => differ.difference(Kind::ProductTypeNarrowed, &[keyword], places.0, places.1, || {
                format!("`{keyword}` was removed, the rest was kept")
            }),
            (None, Some(_)) => differ.difference(Kind::ProductTypeExtended, &[keyword], places.0, places.1, || {
                format!("`{keyword}` was added beside what was asked before")
            }),
            (Some(before), Some(after)) => {
                branches(differ, (original.0, &original.1[before]), (update.0, &update.1[after]));
            }
        }
    }
}

/// Matches the schemas of two combinations.
fn branches<'a>(differ: &mut Differ, original: (View<'a>, &Combination<'a>), update: (View<'a>, &Combination<'a>)) {
    let (before, after) = (&original.1.branches, &update.1.branches);
    let keyword = update.1.criterion.keyword();
    let places = (
        original.0.keyword(original.1.criterion.keyword()).or(Some(original.0)),
        update.0.keyword(keyword).or(Some(update.0)),
    );
    let product = update.1.criterion == Criterion::All;
    let size = match (before.len().cmp(&after.len()), product) {
        (std::cmp::Ordering::Equal, _) => None,
        (std::cmp::Ordering::Less, true) => Some(Kind::ProductTypeExtended),
        (std::cmp::Ordering::Less, false) => Some(Kind::SumTypeExtended),
        (std::cmp::Ordering::Greater, true) => Some(Kind::ProductTypeNarrowed),
        (std::cmp::Ordering::Greater, false) => Some(Kind::SumTypeNarrowed),
    };
    if let Some(kind) = size {
        differ.difference(kind, &[keyword], places.0, places.1, || {
            format!("`{keyword}` has {} schemas instead of {}", after.len(), before.len())
        });
    }
    let matching = matching(differ, before, after);
    let matched = matching.iter().flatten().count();
    for (index, partner) in matching.iter().enumerate() {
        if let (Some(index_before), Some(branch)) = (partner, after.get(index))
            && differ.describes()
        {
            differ.below(&[keyword, index.to_string().as_str()], before[*index_before], *branch);
        }
    }
    if matched == before.len().min(after.len()) {
        return;
    }
    differ.difference(Kind::CombinedTypeSubschemasChanged, &[keyword], places.0, places.1, || {
        format!("{} of {} schemas of `{keyword}` are no longer accepted", before.len() - matched, before.len())
    });
    // What a single schema lost its partner for is worth telling.
    let lonely: Vec<usize> = (0..after.len()).filter(|index| matching[*index].is_none()).collect();
    let lost: Vec<usize> = (0..before.len()).filter(|index| !matching.contains(&Some(*index))).collect();
    if let ([index], [lost]) = (lonely.as_slice(), lost.as_slice())
        && differ.describes()
    {
        differ.below(&[keyword, index.to_string().as_str()], before[*lost], after[*index]);
    }
}

/// For each schema of the update the one of the original that it covers, as many as can be.
fn matching<'a>(differ: &mut Differ, before: &[View<'a>], after: &[View<'a>]) -> Vec<Option<usize>> {
    let mut partners: Vec<Option<usize>> = vec![None; after.len()];
    let shorter = before.len().min(after.len());
    // Nearly always the lists kept their order.
    if (0..shorter).all(|index| differ.covers(before[index], after[index])) {
        for (index, partner) in partners.iter_mut().enumerate().take(shorter) {
            *partner = Some(index);
        }
        return partners;
    }
    let covered: Vec<Vec<usize>> = before
        .iter()
        .map(|branch| (0..after.len()).filter(|index| differ.covers(*branch, after[*index])).collect())
        .collect();
    for start in 0..before.len() {
        augment(start, &covered, &mut partners);
    }
    partners
}

/// Finds a partner for `start`, moving others to other partners if need be: the shortest
/// augmenting path, found breadth first.
fn augment(start: usize, covered: &[Vec<usize>], partners: &mut [Option<usize>]) {
    let mut reached_from: Vec<Option<usize>> = vec![None; partners.len()];
    let mut work = VecDeque::from([start]);
    while let Some(branch) = work.pop_front() {
        for &index in &covered[branch] {
            if reached_from[index].is_some() {
                continue;
            }
            reached_from[index] = Some(branch);
            if let Some(other) = partners[index] {
                work.push_back(other);
                continue;
            }
            // Free: every branch on the way takes the partner it was reached by.
            let mut free = index;
            while let Some(branch) = reached_from[free] {
                let previous = partners.iter().position(|partner| *partner == Some(branch));
                partners[free] = Some(branch);
                match previous {
                    Some(previous) if branch != start => free = previous,
                    _ => break,
                }
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(covered: &[&[usize]], count: usize) -> usize {
        let covered: Vec<Vec<usize>> = covered.iter().map(|list| list.to_vec()).collect();
        let mut partners = vec![None; count];
        for start in 0..covered.len() {
            augment(start, &covered, &mut partners);
        }
        for (index, partner) in partners.iter().enumerate() {
            assert!(partner.is_none_or(|branch| covered[branch].contains(&index)));
        }
        partners.iter().flatten().count()
    }

    #[test]
    fn branches_give_way_to_one_another_until_as_many_as_possible_are_matched() {
        assert_eq!(matched(&[&[0, 1], &[0]], 2), 2);
        assert_eq!(matched(&[&[0, 1], &[0, 2], &[0]], 3), 3);
        assert_eq!(matched(&[&[0], &[0], &[0]], 3), 1);
        assert_eq!(matched(&[&[0, 1], &[1, 2], &[2, 3], &[0]], 4), 4);
        assert_eq!(matched(&[&[], &[1]], 2), 1);
    }
}
