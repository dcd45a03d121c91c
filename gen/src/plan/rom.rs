//! The contents of a memory that the bitstream carries.

/// Words of equal width, the first at address 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rom {
    /// Bits of a word.
    pub width: usize,
    /// Bits that carry information: without the padding of lanes that do not exist.
    pub used_bits: usize,
    words: Vec<Vec<u64>>,
    fill: usize,
}

impl Rom {
    /// A memory without words.
    pub fn new(width: usize, used_bits: usize) -> Self {
        Rom { width, used_bits, words: Vec::new(), fill: width }
    }

    /// A memory of which only the size is told.
    pub fn blank(width: usize, words: usize, used_bits: usize) -> Self {
        Rom { width, used_bits, words: vec![Vec::new(); words], fill: width }
    }

    /// Appends the lowest `bits` of `value`, above what the current word holds, and opens the next
    /// word when it is full. Fields never straddle words: `width` is a multiple of what is pushed.
    pub fn push(&mut self, value: u64, bits: usize) {
        if bits == 0 {
            return;
        }
        if self.fill == self.width {
            self.words.push(vec![0; self.width.div_ceil(64)]);
            self.fill = 0;
        }
        if let Some(word) = self.words.last_mut() {
            for bit in (0..bits).filter(|bit| value >> bit & 1 == 1) {
                word[(self.fill + bit) / 64] |= 1 << ((self.fill + bit) % 64);
            }
        }
        self.fill += bits;
    }

    /// Words of `width` bits, bit 0 in the lowest place of the first element.
    pub fn of_words(width: usize, words: Vec<Vec<u64>>) -> Self {
        Rom { width, used_bits: width * words.len(), words, fill: width }
    }

    /// The words, each bit 0 first, in pieces of 64 bits.
    pub fn words(&self) -> &[Vec<u64>] {
        &self.words
    }

    /// Number of words.
    pub fn depth(&self) -> usize {
        self.words.len()
    }

    /// Bits in all, padding included.
    pub fn bits(&self) -> usize {
        self.width * self.depth()
    }

    /// The text that `$readmemh` reads: one word a line.
    pub fn hex(&self) -> String {
        let digits = self.width.div_ceil(4);
        let mut text = String::with_capacity((digits + 1) * self.depth());
        for word in &self.words {
            for digit in (0..digits).rev() {
                let nibble = word[digit / 16] >> (digit % 16 * 4) & 15;
                text.push(char::from_digit(nibble as u32, 16).unwrap_or('0'));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_fill_words_from_the_lowest_bit() {
        let mut rom = Rom::new(12, 24);
        for value in [0xa, 0xb, 0xc, 0x1, 0x2, 0x3] {
            rom.push(value, 4);
        }
        assert_eq!(rom.hex(), "cba\n321\n");
    }

    #[test]
    fn a_field_of_no_bits_opens_no_word() {
        let mut rom = Rom::new(4, 8);
        for value in [5, 6] {
            rom.push(value, 4);
            rom.push(0, 0);
        }
        assert_eq!(rom.hex(), "5\n6\n");
    }

    #[test]
    fn words_wider_than_a_machine_word_keep_every_bit() {
        let mut rom = Rom::new(120, 120);
        rom.push(1, 60);
        rom.push(u64::MAX, 60);
        assert_eq!(rom.hex(), "fffffffffffffff000000000000001\n");
    }
}
