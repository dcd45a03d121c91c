//! Products with weights −1, 0 and 1, without multiplication: of each pair of inputs a and b, an output
//! adds or subtracts nothing, a, b, a + b or a − b. The last two are made once for all outputs.

use ndarray::{ArrayView2, Axis};

use super::super::lanes::{Lanes, Number, dispatched, dispatched_widest};

/// What a pair gives: a, b, a + b and a − b.
const FORMS: usize = 4;

/// Entries of a table: as many as a byte can tell apart, so that they stay in the first-level cache.
const TABLE: usize = 256;

/// Inputs of a table.
const DEPTH: usize = TABLE / FORMS * 2;

/// For every table and every output of it, the entries that are added and those that are subtracted.
#[derive(Clone, Debug)]
pub(super) struct Ternary {
    /// How many are added and subtracted.
    counts: Vec<[u8; 2]>,
    entries: Vec<u8>,
    outputs: usize,
}

impl Ternary {
    /// Packs weights from −1 to 1.
    pub fn new(weights: ArrayView2<i16>) -> Self {
        let mut ternary = Ternary { counts: Vec::new(), entries: Vec::new(), outputs: weights.nrows() };
        for table in weights.axis_chunks_iter(Axis(1), DEPTH) {
            for row in table.rows() {
                let [added, subtracted] = signed_entries(&row.to_vec());
                ternary.counts.push([added.len() as u8, subtracted.len() as u8]);
                ternary.entries.extend(added.iter().chain(&subtracted));
            }
        }
        ternary
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The product with one column of inputs; `table` is any memory.
    pub fn apply<T: Number>(&self, input: &[Lanes<T>], output: &mut [Lanes<T>], table: &mut Vec<Lanes<T>>) {
        table.resize(TABLE, Lanes::splat(T::ZERO));
        add_up(self, input, output, table);
    }
}

/// The entries of a table that a row of weights adds, and those that it subtracts.
fn signed_entries(row: &[i16]) -> [Vec<u8>; 2] {
    let mut entries = [Vec::new(), Vec::new()];
    for (pair, weights) in row.chunks(2).enumerate() {
        let form = match (weights[0], weights.get(1).copied().unwrap_or(0)) {
            (0, 0) => continue,
            (_, 0) => 0,
            (0, _) => 1,
            (a, b) if a == b => 2,
            _ => 3,
        };
        let leading = if form == 1 { weights[1] } else { weights[0] };
        entries[usize::from(leading < 0)].push((pair * FORMS + form) as u8);
    }
    entries
}

dispatched_widest! {
    /// The product of all rows with one column of inputs.
    fn add_up<T: Number>(
        ternary: &Ternary,
        input: &[Lanes<T>],
        output: &mut [Lanes<T>],
        table: &mut [Lanes<T>],
    ) = add_up_body,
    else add_up_narrower
}

dispatched! {
    /// The same in narrower vectors.
    fn add_up_narrower<T: Number>(
        ternary: &Ternary,
        input: &[Lanes<T>],
        output: &mut [Lanes<T>],
        table: &mut [Lanes<T>],
    ) = add_up_body
}

#[inline(always)]
fn add_up_body<const FUSED: bool, T: Number>(
    ternary: &Ternary,
    input: &[Lanes<T>],
    output: &mut [Lanes<T>],
    table: &mut [Lanes<T>],
) {
    // Its length is a byte's range: no index needs a check.
    let Some(table) = table.first_chunk_mut::<TABLE>() else { return };
    output.fill(Lanes::splat(T::ZERO));
    let mut rest = &ternary.entries[..];
    for (input, counts) in input.chunks(DEPTH).zip(ternary.counts.chunks_exact(ternary.outputs)) {
        tabulate(input, table);
        for (sum, counts) in output.iter_mut().zip(counts) {
            let (added, others) = rest.split_at(counts[0].into());
            let (subtracted, others) = others.split_at(counts[1].into());
            rest = others;
            let mut own = *sum;
            for &entry in added {
                own.join(&table[usize::from(entry)], T::plus);
            }
            for &entry in subtracted {
                own.join(&table[usize::from(entry)], T::minus);
            }
            *sum = own;
        }
    }
}

#[inline(always)]
fn tabulate<T: Number>(input: &[Lanes<T>], table: &mut [Lanes<T>; TABLE]) {
    let (pairs, last) = input.as_chunks::<2>();
    let (forms, _) = table.as_chunks_mut::<FORMS>();
    for ([a, b], forms) in pairs.iter().zip(&mut *forms) {
        *forms = [*a, *b, *a, *a];
        forms[2].join(b, T::plus);
        forms[3].join(b, T::minus);
    }
    if let (Some(last), Some(forms)) = (last.first(), forms.get_mut(pairs.len())) {
        forms[0] = *last;
    }
}
