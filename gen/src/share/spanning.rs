//! A minimum spanning tree over the rows of a matrix: each row is another row, or nothing, plus or minus
//! a difference that has few digits.

use super::digits::{digit_count, row_digits};

/// How rows follow from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// One per row: what is added to plus or minus the parent; without a parent the row itself.
    pub differences: Vec<Vec<i64>>,
    /// One per row: the differences that make it up, each with whether it is subtracted.
    pub paths: Vec<Vec<(usize, bool)>>,
}

impl Tree {
    /// Digits of all differences, and one for each that a row is added to.
    pub fn digits(&self) -> u64 {
        let joints = self.paths.iter().map(|path| path.len() as u64 - 1);
        self.differences.iter().map(|row| row_digits(row)).chain(joints).sum()
    }
}

/// A parent of a row, and whether it is subtracted from nothing.
type Parent = Option<(usize, bool)>;

/// Prim's algorithm from the zero row, with paths of at most `longest` differences.
pub fn spanning_tree(rows: &[Vec<i64>], longest: usize) -> Tree {
    let mut tree = Tree { differences: vec![Vec::new(); rows.len()], paths: vec![Vec::new(); rows.len()] };
    // The cheapest way to each row that is still outside: its digits, and where it comes from.
    let mut ways: Vec<Option<(u32, Parent)>> = rows.iter().map(|row| Some((cost(row, None), None))).collect();
    while let Some((_, row, parent)) = nearest(&ways) {
        ways[row] = None;
        let mut path = match parent {
            Some((parent, minus)) => {
                tree.paths[parent].iter().map(|&(part, negative)| (part, negative != minus)).collect()
            }
            None => Vec::new(),
        };
        path.push((row, false));
        let other = parent.map(|(parent, minus)| (&rows[parent][..], minus));
        tree.differences[row] = difference(&rows[row], other).collect();
        if path.len() < longest {
            for (other, way) in ways.iter_mut().enumerate() {
                let Some((least, from)) = way else { continue };
                for minus in [false, true] {
                    let digits = cost(&rows[other], Some((&rows[row], minus))) + 1;
                    if digits < *least {
                        (*least, *from) = (digits, Some((row, minus)));
                    }
                }
            }
        }
        tree.paths[row] = path;
    }
    tree
}

fn nearest(ways: &[Option<(u32, Parent)>]) -> Option<(u32, usize, Parent)> {
    let open = ways.iter().enumerate().filter_map(|(row, way)| way.map(|(digits, from)| (digits, row, from)));
    open.min_by_key(|&(digits, row, from)| (digits, from.is_some(), row))
}

/// A row less its parent, or plus it.
fn difference<'a>(row: &'a [i64], parent: Option<(&'a [i64], bool)>) -> impl Iterator<Item = i64> + 'a {
    row.iter().enumerate().map(move |(column, value)| match parent {
        Some((parent, true)) => value + parent[column],
        Some((parent, false)) => value - parent[column],
        None => *value,
    })
}

fn cost(row: &[i64], parent: Option<(&[i64], bool)>) -> u32 {
    difference(row, parent).map(digit_count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_make_up_the_rows_and_are_no_longer_than_asked() {
        let rows: Vec<Vec<i64>> = (0..12_i64)
            .map(|row| {
                (0..9)
                    .map(|column| ((row / 3) * 7 + column * 5) % 11 - 5 + i64::from(column == row % 3))
                    .collect()
            })
            .collect();
        for longest in [1, 2, 5, 100] {
            let tree = spanning_tree(&rows, longest);
            for (row, path) in rows.iter().zip(&tree.paths) {
                assert!(path.len() <= longest);
                let sum = |column: usize| -> i64 {
                    path.iter()
                        .map(|&(part, minus)| tree.differences[part][column] * if minus { -1 } else { 1 })
                        .sum()
                };
                assert_eq!((0..9).map(sum).collect::<Vec<i64>>(), *row);
            }
            assert_eq!(tree.paths.iter().any(|path| path.len() > 1), longest > 1);
        }
    }
}
