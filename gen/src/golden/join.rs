//! Several tensors into one, and elements to other places.

use crate::ir::BlockOrder;

use super::lanes::{Lanes, Number};

/// The sum of all operands, element by element.
pub(super) fn add<T: Number>(operands: &[&[Lanes<T>]], output: &mut [Lanes<T>]) {
    let Some((first, rest)) = operands.split_first() else { return };
    output.copy_from_slice(first);
    for operand in rest {
        for (sum, value) in output.iter_mut().zip(*operand) {
            sum.join(value, T::plus);
        }
    }
}

/// The channels of every operand, position by position.
pub(super) fn concat<T: Number>(operands: &[&[Lanes<T>]], channels: &[usize], output: &mut [Lanes<T>]) {
    for (position, target) in output.chunks_exact_mut(channels.iter().sum()).enumerate() {
        let mut rest = target;
        for (operand, &count) in operands.iter().zip(channels) {
            let (own, others) = rest.split_at_mut(count);
            own.copy_from_slice(&operand[position * count..][..count]);
            rest = others;
        }
    }
}

/// For every element of the output, the element of the input that it is.
#[derive(Clone, Debug)]
pub(super) struct Rearrangement {
    sources: Vec<usize>,
}

impl Rearrangement {
    /// Every pixel of `[height, width, channels]` repeated.
    pub fn upsample([down, right]: [usize; 2], (height, width, channels): (usize, usize, usize)) -> Self {
        let place =
            |[row, column, channel]: [usize; 3]| ((row / down) * width + column / right) * channels + channel;
        Self::of([height * down, width * right, channels], place)
    }

    /// The channels of every pixel as a block of pixels.
    pub fn depth_to_space(
        block: usize,
        order: BlockOrder,
        (height, width, channels): (usize, usize, usize),
    ) -> Self {
        let inner = channels / (block * block);
        let place = |[row, column, channel]: [usize; 3]| {
            let source = order.source(block, inner, [row % block, column % block, channel]);
            ((row / block) * width + column / block) * channels + source
        };
        Self::of([height * block, width * block, inner], place)
    }

    fn of([height, width, channels]: [usize; 3], place: impl Fn([usize; 3]) -> usize) -> Self {
        let place = &place;
        let sources = (0..height).flat_map(|row| {
            (0..width).flat_map(move |column| (0..channels).map(move |channel| place([row, column, channel])))
        });
        Rearrangement { sources: sources.collect() }
    }

    /// Moves every element.
    pub fn apply<T: Number>(&self, input: &[Lanes<T>], output: &mut [Lanes<T>]) {
        for (target, &source) in output.iter_mut().zip(&self.sources) {
            *target = input[source];
        }
    }
}
