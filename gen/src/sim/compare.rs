//! The circuit's beats against the golden model's, bit by bit.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bench::{Record, Records};
use super::vectors::Packing;

/// The first place where the circuit and the golden model part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// Frame of the input array.
    pub frame: usize,
    /// The user's layer.
    pub layer: String,
    /// The graph's node.
    pub node: String,
    /// Channel; `None` when the differing bits lie outside every element.
    pub channel: Option<usize>,
    /// Row, for an image.
    pub y: Option<usize>,
    /// Column, for an image.
    pub x: Option<usize>,
    /// Beat of the frame.
    pub beat: usize,
    /// Clock cycle of the beat, counted from the start of its run.
    pub cycle: u64,
    /// What the golden model says; the bits themselves where there is no element.
    pub expected: i64,
    /// What the circuit gave.
    pub got: i64,
    /// What made the expected value, where the layer is one that adds products.
    pub operands: Option<super::operands::Operands>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "frame {}, layer `{}`", self.frame, self.layer)?;
        if self.node != self.layer {
            write!(out, " (node `{}`)", self.node)?;
        }
        match self.channel {
            Some(channel) => write!(out, ", channel {channel}")?,
            None => write!(out, ", beat {}, in the bits between elements", self.beat)?,
        }
        if let (Some(y), Some(x)) = (self.y, self.x) {
            write!(out, " at y {y}, x {x}")?;
        }
        write!(out, ", cycle {}: expected {}, got {}", self.cycle, self.expected, self.got)?;
        match &self.operands {
            Some(operands) => write!(out, "\n  {operands}"),
            None => Ok(()),
        }
    }
}

/// A stream's beats as they should be.
pub(super) struct Expected<'a> {
    pub packing: &'a Packing,
    /// Frames of beats, as [`Packing::pack`] makes them.
    pub words: &'a [u32],
    /// Whether the stream carries `tlast`.
    pub marked: bool,
}

/// A differing beat.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub frame: usize,
    pub beat: usize,
    pub cycle: u64,
    pub element: Option<usize>,
    pub expected: i64,
    pub got: i64,
}

/// What the comparison of one stream found.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    /// Frames with a wrong, missing or wrongly marked beat.
    pub bad_frames: usize,
    pub first: Option<Difference>,
    /// In words, what no single difference can say.
    pub problems: Vec<String>,
    /// Cycle of the last beat of every frame that came out after the last reset.
    pub completed: Vec<u64>,
}

impl Expected<'_> {
    /// Compares what was recorded after the last of `resets` in full, and before each reset as far as it goes.
    pub fn compare(&self, records: &Records, resets: u32) -> Comparison {
        let frames = self.words.len() / (self.packing.beats() * self.packing.words());
        let mut found = Comparison::default();
        let mut bad = vec![false; frames];
        let (mut epoch, mut index) = (0, 0);
        for record in records.iter() {
            if record.epoch != epoch {
                (epoch, index) = (record.epoch, 0);
            }
            let (frame, beat) = (index / self.packing.beats(), index % self.packing.beats());
            if frame < frames {
                bad[frame] |= self.beat(frame, beat, &record, &mut found);
            }
            if epoch == resets && beat + 1 == self.packing.beats() {
                found.completed.push(record.cycle);
            }
            index += 1;
        }
        let given = if epoch == resets { index } else { 0 };
        let wanted = frames * self.packing.beats();
        if given != wanted {
            found.problems.push(format!("the circuit gave {given} beats; expected {wanted}"));
            bad.iter_mut().skip(given / self.packing.beats()).for_each(|frame| *frame = true);
        }
        let extra = usize::from(given > wanted && !bad.contains(&true));
        found.bad_frames = bad.iter().filter(|&&bad| bad).count() + extra;
        found
    }

    fn beat(&self, frame: usize, beat: usize, record: &Record<'_>, found: &mut Comparison) -> bool {
        let words = self.packing.words();
        let start = (frame * self.packing.beats() + beat) * words;
        let expected = &self.words[start..start + words];
        let mut wrong = false;
        if self.marked && record.last != (beat + 1 == self.packing.beats()) {
            wrong = true;
            if found.problems.is_empty() {
                let said =
                    if record.last { "is marked as its frame's last" } else { "lacks the mark of the last" };
                found.problems.push(format!("beat {beat} of frame {frame} {said}, cycle {}", record.cycle));
            }
        }
        if expected != record.data {
            wrong = true;
            let different = found.first.is_none().then(|| self.difference(frame, beat, record, expected));
            found.first = found.first.take().or(different);
        }
        wrong
    }

    fn difference(&self, frame: usize, beat: usize, record: &Record<'_>, expected: &[u32]) -> Difference {
        let differs = |&bit: &usize| (expected[bit / 32] ^ record.data[bit / 32]) >> (bit % 32) & 1 == 1;
        let bit = (0..32 * expected.len()).find(differs).unwrap_or(0);
        let element = self.packing.element(beat, bit);
        let value = |words: &[u32]| match element {
            Some(element) => self.packing.value(words, element),
            None => (words[bit / 32] >> (bit % 32) & 1).into(),
        };
        Difference {
            frame,
            beat,
            cycle: record.cycle,
            element,
            expected: value(expected),
            got: value(record.data),
        }
    }
}
