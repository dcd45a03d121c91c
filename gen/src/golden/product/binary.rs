//! Products of weights −1 and 1 with inputs −1 and 1: of n signs of which d differ, the sum is n − 2d.
//! 64 signs are one word, for each frame.

use ndarray::ArrayView2;

use super::super::lanes::{Lanes, Number, dispatched, dispatched_widest};

/// The most frames of a block; where blocks have fewer, the others are computed in vain.
const FRAMES: usize = 32;

/// Signs of a word.
const SIGNS: usize = u64::BITS as usize;

/// The signs of 64 inputs, frame by frame; set where negative.
pub(super) type Words = [u64; FRAMES];

/// The signs of the weights, row by row.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    words: Vec<u64>,
    inputs: usize,
    outputs: usize,
}

impl Binary {
    /// Packs weights −1 and 1.
    pub fn new(weights: ArrayView2<i16>) -> Self {
        let (outputs, inputs) = weights.dim();
        let word =
            |weights: &[i16]| weights.iter().rev().fold(0, |word, &weight| word << 1 | u64::from(weight < 0));
        let row = |row: ndarray::ArrayView1<i16>| row.to_vec().chunks(SIGNS).map(word).collect::<Vec<_>>();
        Binary { words: weights.rows().into_iter().flat_map(row).collect(), inputs, outputs }
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The product with one column of inputs; `words` is any memory.
    pub fn apply<T: Number>(&self, input: &[Lanes<T>], output: &mut [Lanes<T>], words: &mut Vec<Words>) {
        words.resize(self.inputs.div_ceil(SIGNS), [0; FRAMES]);
        pack(input, words);
        count(self, words, output);
    }
}

dispatched! {
    /// The signs of every 64 inputs.
    fn pack<T: Number>(input: &[Lanes<T>], words: &mut [Words]) = pack_body
}

#[inline(always)]
fn pack_body<const FUSED: bool, T: Number>(input: &[Lanes<T>], words: &mut [Words]) {
    for (input, word) in input.chunks(SIGNS).zip(words) {
        *word = [0; FRAMES];
        // By quarters: more frames of narrow numbers than of wide ones are packed at once.
        for (quarter, input) in input.chunks(16).enumerate() {
            let mut signs = [0_u16; FRAMES];
            for values in input.iter().rev() {
                for (signs, &value) in signs.iter_mut().zip(values.iter()) {
                    *signs = *signs << 1 | u16::from(value < T::ZERO);
                }
            }
            for (word, &signs) in word.iter_mut().zip(&signs) {
                *word |= u64::from(signs) << (16 * quarter);
            }
        }
    }
}

dispatched_widest! {
    /// The signs that differ, counted for every row.
    fn count<T: Number>(binary: &Binary, words: &[Words], output: &mut [Lanes<T>]) = count_body,
    else count_narrower
}

dispatched! {
    /// The same where no instruction counts the bits of words side by side.
    fn count_narrower<T: Number>(
        binary: &Binary,
        words: &[Words],
        output: &mut [Lanes<T>],
    ) = count_body
}

#[inline(always)]
fn count_body<const FUSED: bool, T: Number>(binary: &Binary, words: &[Words], output: &mut [Lanes<T>]) {
    for (row, sums) in binary.words.chunks_exact(words.len()).zip(output) {
        let mut differing = [0_u64; FRAMES];
        for (&weights, values) in row.iter().zip(words) {
            for (differing, &values) in differing.iter_mut().zip(values) {
                *differing += u64::from((weights ^ values).count_ones());
            }
        }
        for (sum, &differing) in sums.iter_mut().zip(&differing) {
            *sum = T::from_integer(binary.inputs as i64 - 2 * differing as i64);
        }
    }
}
