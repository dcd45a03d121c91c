//! One leaf with one set of parameters, what it is sent and what must come out.

/// A test case; beats are hexadecimal words as `$readmemh` takes them.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub module: &'static str,
    pub parameters: Vec<(&'static str, String)>,
    pub in_width: usize,
    pub out_width: usize,
    pub sent: Vec<String>,
    pub expected: Vec<String>,
    /// ROM images: file name and words.
    pub images: Vec<(String, Vec<String>)>,
    /// Cycles from the first beat accepted to the first beat out, without stalls.
    pub latency: Option<i64>,
    /// Cycles from the first beat out to the last, without stalls.
    pub span: Option<i64>,
}

impl Case {
    /// A case without ROM images and without demands on time.
    pub fn new(name: impl Into<String>, module: &'static str) -> Self {
        Self {
            name: name.into(),
            module,
            parameters: Vec::new(),
            in_width: 0,
            out_width: 0,
            sent: Vec::new(),
            expected: Vec::new(),
            images: Vec::new(),
            latency: None,
            span: None,
        }
    }

    /// Sets a number parameter.
    pub fn with(mut self, name: &'static str, value: usize) -> Self {
        self.parameters.push((name, value.to_string()));
        self
    }

    /// Sets a parameter that may be negative.
    pub fn with_signed(mut self, name: &'static str, value: i64) -> Self {
        self.parameters.push((name, value.to_string()));
        self
    }

    /// Sets a text parameter.
    pub fn with_text(mut self, name: &'static str, value: &str) -> Self {
        self.parameters.push((name, format!("\"{value}\"")));
        self
    }

    /// Sets what goes in: beats of `lanes` elements of `bits` bits.
    pub fn sends(mut self, beats: &[Vec<i64>], lanes: usize, bits: usize) -> Self {
        self.in_width = lanes * bits;
        self.sent = beats.iter().map(|beat| pack(beat, lanes, bits)).collect();
        self
    }

    /// Sets what must come out.
    pub fn expects(mut self, beats: &[Vec<i64>], lanes: usize, bits: usize) -> Self {
        self.out_width = lanes * bits;
        self.expected = beats.iter().map(|beat| pack(beat, lanes, bits)).collect();
        self
    }

    /// Adds the ROM image of parameter `FILE`.
    pub fn reads(mut self, words: &[Vec<i64>], lanes: usize, bits: usize) -> Self {
        let file = format!("{}_rom.hex", self.name);
        let words = words.iter().map(|word| pack(word, lanes, bits)).collect();
        self.parameters.push(("FILE", format!("\"{file}\"")));
        self.images.push((file, words));
        self
    }
}

/// Elements of `bits` bits, the first lowest, as one hexadecimal word; missing lanes are zero.
pub fn pack(elements: &[i64], lanes: usize, bits: usize) -> String {
    assert!(elements.len() <= lanes, "{} elements for {lanes} lanes", elements.len());
    let mut word = vec![false; (lanes * bits).div_ceil(4) * 4];
    for (lane, element) in elements.iter().enumerate() {
        for bit in 0..bits {
            word[lane * bits + bit] = element >> bit.min(63) & 1 == 1;
        }
    }
    let digits = word.chunks(4).rev();
    digits
        .map(|nibble| {
            let value = (0..4).fold(0, |sum, bit| sum | u32::from(nibble[bit]) << bit);
            char::from_digit(value, 16).unwrap_or('0')
        })
        .collect()
}

/// A vector cut into beats of `lanes` elements.
pub fn beats(vector: &[i64], lanes: usize) -> Vec<Vec<i64>> {
    vector.chunks(lanes).map(<[i64]>::to_vec).collect()
}

/// Reproducible random numbers (xorshift).
pub struct Random(u64);

impl Random {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number in `low..=high`.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + ((self.0 >> 11) % (high - low + 1) as u64) as i64
    }

    /// `count` numbers in `low..=high`.
    pub fn vector(&mut self, count: usize, low: i64, high: i64) -> Vec<i64> {
        (0..count).map(|_| self.within(low, high)).collect()
    }
}
