//! A text as numbers: its alphabet, and the letters that a network learns from and is judged by.

use std::path::Path;

use netetch::error::{Error as Fault, Place};

use crate::error::{Error, Result};
use crate::random::Random;

/// A text longer than this is refused.
const GREATEST_FILE: u64 = 256 << 20;
/// Of twenty parts so many are learned from; then one judges step sizes, and the last one the result.
const LEARNED: usize = 18;
const PARTS: usize = 20;

/// A text in three parts, letters as their places in the alphabet.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// Every letter of the text once, in the order of Unicode.
    pub alphabet: Vec<char>,
    /// The first 18 of 20 parts, to learn from.
    pub training: Vec<u32>,
    /// The next part, to choose by.
    pub held_out: Vec<u32>,
    /// The last part, which chooses nothing.
    pub test: Vec<u32>,
}

impl Corpus {
    /// Reads a text of UTF-8.
    ///
    /// # Errors
    /// When the file cannot be read, is no text, or is too short to be parted.
    pub fn read(path: &Path) -> Result<Self> {
        let at = |fault: Fault| Error::Input(fault.at(Place::file(path)));
        let length = std::fs::metadata(path).map_err(|error| Fault::io(path, "read the text", &error))?.len();
        if length > GREATEST_FILE {
            let fault =
                Fault::input(format!("found {length} bytes; expected a text of at most {GREATEST_FILE}"));
            return Err(at(fault));
        }
        let bytes = std::fs::read(path).map_err(|error| Fault::io(path, "read the text", &error))?;
        let text =
            String::from_utf8(bytes).map_err(|_| at(Fault::input("found bytes that are no UTF-8 text")))?;
        Corpus::of(&text).map_err(|error| match error {
            Error::Input(fault) => at(fault),
            other => other,
        })
    }

    /// Parts a text.
    ///
    /// # Errors
    /// When it is too short.
    pub fn of(text: &str) -> Result<Self> {
        let letters: Vec<char> = text.chars().collect();
        let mut alphabet = letters.clone();
        alphabet.sort_unstable();
        alphabet.dedup();
        let place = |letter: &char| alphabet.binary_search(letter).unwrap_or(0) as u32;
        let numbers: Vec<u32> = letters.iter().map(place).collect();
        let part = numbers.len() / PARTS;
        if part < 2 || alphabet.len() < 2 {
            return Err(Error::input(format!(
                "found a text of {} letters, {} different ones; expected {} at least, and 2",
                numbers.len(),
                alphabet.len(),
                2 * PARTS
            )));
        }
        let (training, rest) = numbers.split_at(LEARNED * part);
        let (held_out, test) = rest.split_at(part);
        Ok(Corpus { training: training.to_vec(), held_out: held_out.to_vec(), test: test.to_vec(), alphabet })
    }

    /// What another text hardly shares.
    pub fn digest(&self) -> String {
        let numbers = [&self.training, &self.held_out, &self.test]
            .map(|part| Random::new(&part.iter().map(|&letter| letter.into()).collect::<Vec<_>>()).bits());
        format!("{:?} {numbers:x?}", self.alphabet)
    }
}

/// So many streams through a text side by side, each going on where it stopped.
#[derive(Clone, Debug)]
pub struct Streams<'a> {
    letters: &'a [u32],
    /// How many.
    pub count: usize,
    /// Letters of a step, in each stream.
    pub length: usize,
}

/// What a step reads, and what it should foresee: `[length · count]`, all streams' first letters first.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Letters.
    pub letters: Vec<u32>,
    /// The letter behind each.
    pub next: Vec<u32>,
    /// Letters of each stream.
    pub length: usize,
    /// Whether the streams begin anew, without a state.
    pub begins: bool,
}

impl<'a> Streams<'a> {
    /// Streams of equal length through all the letters.
    ///
    /// # Errors
    /// When a stream would have less than two letters.
    pub fn new(letters: &'a [u32], count: usize, length: usize) -> Result<Self> {
        if count == 0 || length == 0 || letters.len() / count < 2 {
            return Err(Error::input(format!(
                "found {count} streams of steps of {length} through {} letters; expected two letters for each stream",
                letters.len()
            ))
            .mend("give a smaller --batch"));
        }
        Ok(Streams { letters, count, length })
    }

    /// Letters of one stream that have another one behind them.
    fn span(&self) -> usize {
        self.letters.len() / self.count - 1
    }

    /// Steps until the streams begin anew.
    pub fn steps(&self) -> usize {
        self.span().div_ceil(self.length)
    }

    /// A step, counted without end.
    pub fn step(&self, number: usize) -> Step {
        let round = number % self.steps();
        let first = round * self.length;
        let length = self.length.min(self.span() - first);
        let each = self.letters.len() / self.count;
        let at = |behind: usize| {
            let rows = (0..length).flat_map(|row| (0..self.count).map(move |stream| (row, stream)));
            rows.map(|(row, stream)| self.letters[stream * each + first + row + behind]).collect()
        };
        Step { letters: at(0), next: at(1), length, begins: round == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parted_and_every_letter_comes_once() {
        let text: String = "abcd".repeat(25);
        let corpus = Corpus::of(&text).unwrap();
        assert_eq!(corpus.alphabet, ['a', 'b', 'c', 'd']);
        assert_eq!([&corpus.training, &corpus.held_out, &corpus.test].map(|part| part.len()), [90, 5, 5]);
        assert_eq!(corpus.held_out, [2, 3, 0, 1, 2]);
        let streams = Streams::new(&corpus.training, 2, 4).unwrap();
        assert_eq!(streams.steps(), 11);
        let first = streams.step(0);
        assert_eq!((&first.letters[..4], &first.next[..4]), (&[0, 1, 1, 2][..], &[1, 2, 2, 3][..]));
        let seen: usize = (0..11).map(|number| streams.step(number).letters.len()).sum();
        assert_eq!(seen, 2 * 44);
        assert_eq!(streams.step(11), first);
        assert!(!streams.step(1).begins && first.begins);
    }

    #[test]
    fn what_is_too_short_is_refused() {
        assert!(Corpus::of("abc").unwrap_err().to_string().contains("3 letters"));
        assert!(Corpus::of(&"a".repeat(100)).is_err());
        assert!(Streams::new(&[1, 2, 3], 2, 4).is_err());
    }
}
