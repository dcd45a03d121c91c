//! An unrolled array as Verilog: every sum a wire or register of its own, with what it is of the inputs.

use askama::Template;

use crate::error::Result;
use crate::fixed::Range;
use crate::plan::{Channel, UnrolledLeaf};
use crate::share::{Add, ONE, Source, Term, width};

use super::bits::{bits_of, constant};
use super::verilog::render;

/// Inputs of a sum that its comment names; the others are counted.
const NAMED_INPUTS: usize = 6;

#[derive(Template)]
#[template(path = "unrolled.v", syntax = "verilog")]
struct Unrolled<'a> {
    network: &'a str,
    layer: &'a str,
    module: &'a str,
    notes: Vec<String>,
    s_width: usize,
    m_width: usize,
    registers: u32,
    inputs: Vec<String>,
    levels: Vec<Level>,
    outputs: Vec<String>,
    unused: Vec<String>,
}

/// What lies before a register.
#[derive(Clone, Default)]
struct Level {
    number: usize,
    declarations: Vec<String>,
    loads: Vec<String>,
}

/// The module of an unrolled array.
pub(super) fn module(network: &str, layer: &str, name: &str, leaf: &UnrolledLeaf) -> Result<String> {
    let mut writer = Writer::new(leaf);
    writer.sums();
    let outputs = writer.outputs();
    let inputs = leaf.channels_in();
    let notes = vec![
        format!(
            "{} outputs of {inputs} inputs: {} adders of {} bits, at most {} in a row; {} registers deep.",
            leaf.channels.len(),
            leaf.sums.adders(),
            leaf.sums.bits(),
            leaf.sums.depth(),
            leaf.registers
        ),
        "A sum s<n> is held as s<n>_<r> behind register r; input i is x<i>.".to_owned(),
    ];
    render(&Unrolled {
        network,
        layer,
        module: name,
        notes,
        s_width: inputs * leaf.x_bits,
        m_width: leaf.width(),
        registers: leaf.registers,
        inputs: (0..inputs).map(|input| writer.input(input)).collect(),
        levels: writer.levels,
        outputs,
        unused: writer.unused,
    })
}

struct Writer<'a> {
    leaf: &'a UnrolledLeaf,
    /// Per node: the last register behind which it is held.
    last: Vec<u32>,
    forms: Vec<Vec<(usize, i64)>>,
    levels: Vec<Level>,
    unused: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(leaf: &'a UnrolledLeaf) -> Self {
        let mut last = leaf.stages.clone();
        for (index, node) in leaf.sums.nodes.iter().enumerate() {
            for term in node.operands() {
                if leaf.sums.nodes[term.node].is_constant() {
                    continue;
                }
                let read = leaf.stages[index];
                let held = if read == leaf.stages[term.node] { read } else { read - 1 };
                last[term.node] = last[term.node].max(held);
            }
        }
        let levels = (1..=leaf.registers as usize).map(|number| Level { number, ..Level::default() });
        Writer { leaf, last, forms: leaf.sums.forms(), levels: levels.collect(), unused: Vec::new() }
    }

    fn input(&self, input: usize) -> String {
        let (bits, low) = (self.leaf.x_bits, input * self.leaf.x_bits);
        format!("wire [{}:0] x{input} = s_data[{}:{low}];", bits - 1, low + bits - 1)
    }

    /// A node's name behind a register; before the first it has none, and neither has a sum that is read
    /// before its own.
    fn name(&self, node: usize, register: u32) -> String {
        let letter = if self.leaf.sums.nodes[node].source == Source::Input { 'x' } else { 's' };
        match register {
            0 => format!("{letter}{node}"),
            register => format!("{letter}{node}_{register}"),
        }
    }

    /// Bits of a node as it is held: an input's own, a sum's as its range needs.
    fn bits(&self, node: usize) -> u32 {
        match self.leaf.sums.nodes[node].source {
            Source::Input => self.leaf.x_bits as u32,
            Source::Constant(_) | Source::Add(_) => width(self.leaf.sums.nodes[node].range),
        }
    }

    fn sums(&mut self) {
        let count = self.leaf.sums.nodes.len();
        for index in 0..count {
            let node = self.leaf.sums.nodes[index];
            let bits = self.bits(index);
            let own = self.leaf.stages[index];
            match node.source {
                Source::Add(add) => {
                    let sum = self.sum(add, own, bits);
                    let meaning = self.meaning(index);
                    let is_wired = self.is_read_before(index, own);
                    let declared = if is_wired {
                        format!("wire [{}:0] s{index} = {sum};  // {meaning}", bits - 1)
                    } else {
                        format!("// {meaning}")
                    };
                    let value = if is_wired { format!("s{index}") } else { sum };
                    let is_held = self.is_held(index, own);
                    let name = self.name(index, own);
                    let level = &mut self.levels[own as usize - 1];
                    match (is_wired, is_held) {
                        (true, false) => level.declarations.push(declared),
                        (true, true) => {
                            level.declarations.push(declared);
                            level.declarations.push(format!("reg  [{}:0] {name};", bits - 1));
                            level.loads.push(format!("{name} <= {value};"));
                        }
                        (false, _) => {
                            level.declarations.push(format!("reg  [{}:0] {name};  {declared}", bits - 1));
                            level.loads.push(format!("{name} <= {value};"));
                        }
                    }
                }
                Source::Input if !self.is_used(index) => self.unused.push(format!("x{index}")),
                Source::Input | Source::Constant(_) => {}
            }
            for register in own + 1..=self.last[index] {
                let (name, before) = (self.name(index, register), self.name(index, register - 1));
                let level = &mut self.levels[register as usize - 1];
                level.declarations.push(format!("reg  [{}:0] {name};", bits - 1));
                level.loads.push(format!("{name} <= {before};"));
            }
        }
    }

    fn readers(&self, node: usize) -> impl Iterator<Item = u32> {
        let sums = self.leaf.sums.nodes.iter().zip(&self.leaf.stages);
        sums.filter(move |(reader, _)| reader.operands().any(|term| term.node == node))
            .map(|(_, &stage)| stage)
    }

    fn is_output(&self, node: usize) -> bool {
        self.leaf.channels.iter().any(|channel| channel.sum.term.is_some_and(|sum| sum.node == node))
    }

    fn is_used(&self, node: usize) -> bool {
        self.is_output(node) || self.readers(node).next().is_some()
    }

    fn is_read_before(&self, node: usize, register: u32) -> bool {
        self.readers(node).any(|reader| reader == register)
    }

    fn is_held(&self, node: usize, register: u32) -> bool {
        self.is_output(node) || self.readers(node).any(|reader| reader > register)
    }

    /// The operand of a reader before `register`.
    fn operand(&self, node: usize, register: u32) -> String {
        let own = self.leaf.stages[node];
        if own == register && self.leaf.sums.nodes[node].add().is_some() {
            return format!("s{node}");
        }
        self.name(node, register - 1)
    }

    fn sum(&mut self, add: Add, register: u32, bits: u32) -> String {
        let negative = add.right.negative;
        let low = if negative { add.right.shift } else { add.left.shift.max(add.right.shift) }.min(bits);
        let left = self.slice(add.left, register, low, bits);
        let right = self.slice(add.right, register, low, bits);
        let sum = format!("{left} {} {right}", if negative { '-' } else { '+' });
        if low == 0 {
            return sum;
        }
        let below = if add.left.shift < low { add.left } else { add.right };
        let below = self.slice(Term { negative: false, ..below }, register, 0, low);
        if low == bits { below } else { format!("{{{sum}, {below}}}") }
    }

    /// Bits `low` … `high` − 1 of a shifted node.
    fn slice(&mut self, term: Term, register: u32, low: u32, high: u32) -> String {
        if let Source::Constant(value) = self.leaf.sums.nodes[term.node].source {
            return constant((value << term.shift) >> low, high - low);
        }
        let name = self.operand(term.node, register);
        let signed = self.leaf.sums.nodes[term.node].range.min < 0;
        let (text, dropped) = bits_of(&name, self.bits(term.node), signed, term.shift, low, high);
        self.unused.extend(dropped);
        text
    }

    fn meaning(&self, node: usize) -> String {
        let form = &self.forms[node];
        let named = form.iter().take(NAMED_INPUTS).enumerate().map(|(index, &(input, factor))| {
            let sign = match (index, factor < 0) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            match factor.unsigned_abs() {
                factor if input == ONE => format!("{sign}{factor}"),
                1 => format!("{sign}x{input}"),
                factor => format!("{sign}{factor} x{input}"),
            }
        });
        let rest = form.len().saturating_sub(NAMED_INPUTS);
        let more = if rest == 0 { String::new() } else { format!(" … and {rest} more") };
        named.collect::<String>() + &more
    }

    /// Biases, rounding and limits; returns the bits of the output beat.
    fn outputs(&mut self) -> Vec<String> {
        let channels: Vec<Channel> = self.leaf.channels.clone();
        channels.iter().enumerate().map(|(index, channel)| self.output(index, channel)).collect()
    }

    fn output(&mut self, index: usize, channel: &Channel) -> String {
        let (out_bits, low) = (self.leaf.out_bits as u32, index * self.leaf.out_bits);
        let place = format!("m_data[{}:{low}]", low + self.leaf.out_bits - 1);
        let constant_sum = channel.range.min == channel.range.max;
        let (Some(sum), false) = (channel.sum.term, constant_sum) else {
            let sum = channel.sum.term.filter(|sum| !self.leaf.sums.nodes[sum.node].is_constant());
            self.unused.extend(sum.map(|sum| self.name(sum.node, self.leaf.stages[sum.node])));
            return format!("assign {place} = {};", constant(channel.apply(channel.range.min), out_bits));
        };
        let mut register = self.leaf.stages[sum.node];
        let bits = width(channel.range);
        let signed = channel.range.min < 0;
        let mut value = Value {
            name: self.name(sum.node, register),
            bits: self.bits(sum.node),
            signed: self.leaf.sums.nodes[sum.node].range.min < 0,
            shift: sum.shift,
            complement: channel.sum.complement,
        };
        if channel.is_negated() {
            let (text, dropped) = value.slice(0, bits);
            self.unused.extend(dropped);
            register += 1;
            let name = format!("n{index}_{register}");
            self.load(register, &name, bits, &format!("{bits}'d0 - {text}"), &format!("output {index}"));
            value = Value { name, bits, signed, shift: 0, complement: false };
        }
        let high = channel.shift + out_bits;
        if let Some(limits) = channel.limits {
            (value, register) = self.limited(index, register, &value, limits);
        } else {
            let (text, dropped) = value.slice(channel.shift, high);
            self.unused.extend(dropped);
            if register == self.leaf.registers {
                return format!("assign {place} = {text};");
            }
            register += 1;
            let name = format!("y{index}_{register}");
            self.load(register, &name, out_bits, &text, &format!("output {index}"));
            value = Value { name, bits: out_bits, signed: false, shift: 0, complement: false };
        }
        while register < self.leaf.registers {
            register += 1;
            let name = format!("y{index}_{register}");
            self.load(register, &name, out_bits, &value.name, "");
            value.name = name;
        }
        format!("assign {place} = {};", value.name)
    }

    fn load(&mut self, register: u32, name: &str, bits: u32, value: &str, meaning: &str) {
        let level = &mut self.levels[register as usize - 1];
        let comment = if meaning.is_empty() { String::new() } else { format!("  // {meaning}") };
        level.declarations.push(format!("reg  [{}:0] {name};{comment}", bits - 1));
        level.loads.push(format!("{name} <= {value};"));
    }

    /// The limits, with comparisons only on the sides that a value may leave by. Each side has a register of its own:
    /// then its limit is the register's synchronous set or reset, and no logic.
    fn limited(&mut self, index: usize, before: u32, value: &Value, limits: Range) -> (Value, u32) {
        let (channel, out_bits) = (&self.leaf.channels[index], self.leaf.out_bits as u32);
        let range = channel.floors();
        let (falls, exceeds) = (channel.falls_below(limits), channel.exceeds(limits));
        let signed = range.min < 0 || limits.min < 0;
        let bits = width(range.hull(limits)).max(out_bits + u32::from(signed));
        let (wide, dropped) = value.slice(channel.shift, channel.shift + bits);
        self.unused.extend(dropped);
        let name = format!("f{index}");
        self.levels[before as usize].declarations.push(format!("wire [{}:0] {name} = {wide};", bits - 1));
        self.unused.push(name.clone());
        let compare = |operator: char, limit: i64| match signed {
            true => format!("$signed({name}) {operator} $signed({})", constant(limit, bits)),
            false => format!("{name} {operator} {}", constant(limit, bits)),
        };
        let low = match limits.min {
            0 => format!("{name}[{}]", bits - 1),
            limit => compare('<', limit),
        };
        let top = bits - u32::from(signed);
        let high = match (limits.max as u64).wrapping_add(1) {
            next if limits.min == 0 && next.is_power_of_two() && next.trailing_zeros() < top => {
                format!("|{name}[{}:{}]", top - 1, next.trailing_zeros())
            }
            _ => compare('>', limits.max),
        };
        let (least, greatest) = (constant(limits.min, out_bits), constant(limits.max, out_bits));
        let inside = format!("{name}[{}:0]", out_bits - 1);
        let mut register = before + 1;
        let limited = format!("output {index}, limited to {limits}");
        let y = format!("y{index}_{register}");
        match (falls, exceeds) {
            (true, true) => {
                self.load(register, &y, out_bits, &format!("{low} ? {least} : {inside}"), &limited);
                let over = format!("e{index}");
                self.load(register, &over, 1, &format!("!({low}) && ({high})"), "");
                register += 1;
                let last = format!("y{index}_{register}");
                self.load(register, &last, out_bits, &format!("{over} ? {greatest} : {y}"), "");
            }
            (true, false) => {
                self.load(register, &y, out_bits, &format!("{low} ? {least} : {inside}"), &limited)
            }
            _ => self.load(register, &y, out_bits, &format!("{high} ? {greatest} : {inside}"), &limited),
        }
        let name = format!("y{index}_{register}");
        (Value { name, bits: out_bits, signed: false, shift: 0, complement: false }, register)
    }
}

/// A held value and how far it is shifted.
struct Value {
    name: String,
    bits: u32,
    signed: bool,
    shift: u32,
    complement: bool,
}

impl Value {
    fn slice(&self, low: u32, high: u32) -> (String, Vec<String>) {
        let (text, dropped) = bits_of(&self.name, self.bits, self.signed, self.shift, low, high);
        (if self.complement { format!("~{text}") } else { text }, dropped)
    }
}
