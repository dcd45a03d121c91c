//! Half a carry cell.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::polish::Readers;

pub(super) const TABLE: &str = "LUT4";
pub(super) const INPUTS: [char; 4] = ['A', 'B', 'C', 'D'];

/// Half a cell.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub table: u16,
    /// `YES` cuts the carry off from the sum.
    pub inject: Value,
    pub inputs: [Value; 4],
    pub sum: Option<Value>,
}

impl Position {
    pub fn of(cell: &Value, half: usize, readers: &Readers) -> Self {
        let pins = &cell["connections"];
        let table = cell["parameters"][format!("INIT{half}")].as_str().unwrap_or_default();
        let sum = &pins[format!("S{half}")];
        Position {
            table: u16::from_str_radix(table, 2).unwrap_or(0),
            inject: cell["parameters"][format!("INJECT1_{half}")].clone(),
            inputs: INPUTS.map(|input| pins[format!("{input}{half}")][0].clone()),
            sum: (!readers.at(sum).is_empty()).then(|| sum[0].clone()),
        }
    }

    /// Lets no carry pass, and gives none.
    pub fn idle() -> Self {
        Position { table: 0, inject: "NO".into(), inputs: [(); 4].map(|()| "1".into()), sum: None }
    }

    /// Gives a carry, whatever comes before.
    pub fn carry_in(carry: Value) -> Self {
        match carry.as_str() {
            Some("0") => Position::idle(),
            Some(_) => Position { table: 0x000f, ..Position::idle() },
            None => {
                let [_, rest @ ..] = Position::idle().inputs;
                let [b, c, d] = rest;
                Position { table: 0x000a, inputs: [carry, b, c, d], ..Position::idle() }
            }
        }
    }

    /// Whether the carry that it gives is the same whatever comes before and whatever its inputs are.
    pub fn is_constant(&self) -> bool {
        self.nets().is_empty() && !self.passes(&HashMap::new())
    }

    /// The carry that it gives, where it is there for that alone.
    pub fn constant_carry(&self) -> Option<bool> {
        (self.sum.is_none() && self.is_constant()).then(|| self.gives(&HashMap::new()))
    }

    /// Whether the carry that it gives may be made this one, whatever comes before, without a change of its sum.
    pub fn can_give(&self, carry: bool) -> bool {
        self.is_constant() && (self.inject != "YES" || !carry)
    }

    /// Makes a position that can give this carry give it; its inputs are high.
    pub fn give(&mut self, carry: bool) {
        self.table = if carry { self.table | 8 } else { self.table & !8 };
    }

    /// The nets that it reads, each once.
    pub fn nets(&self) -> Vec<u64> {
        let mut nets: Vec<u64> = self.inputs.iter().filter_map(Value::as_u64).collect();
        nets.sort_unstable();
        nets.dedup();
        nets
    }

    fn entry(&self, values: &HashMap<u64, bool>, inputs: usize) -> bool {
        let high =
            |input: &Value| input.as_u64().is_none_or(|net| values.get(&net).copied().unwrap_or(false));
        let index = (0..inputs).filter(|&bit| high(&self.inputs[bit])).map(|bit| 1 << bit).sum::<usize>();
        self.table >> index & 1 == 1
    }

    /// Whether the carry passes, inputs being `values`.
    fn passes(&self, values: &HashMap<u64, bool>) -> bool {
        self.entry(values, 4)
    }

    /// The carry where it does not.
    fn gives(&self, values: &HashMap<u64, bool>) -> bool {
        self.inject != "YES" && self.entry(values, 2)
    }

    /// The sum, the carry before it being constant, as the position's own table.
    pub fn as_sum(&self, carry: bool) -> Position {
        let inverted = carry && self.inject != "YES";
        Position { table: if inverted { !self.table } else { self.table }, ..self.clone() }
    }

    /// A position that gives the carry that this one would, the carry before it being constant: of the two nets at most that it
    /// hangs on, one of which may be this position's `sum`, where it is told.
    pub fn carried(&self, carry: bool, sum: Option<u64>) -> Option<Position> {
        let nets = self.nets();
        if nets.len() <= 2 {
            let gives =
                |values: &HashMap<u64, bool>| if self.passes(values) { carry } else { self.gives(values) };
            return Some(Position::giving(&nets, gives));
        }
        let sum = sum?;
        let mut generating: Vec<u64> = self.inputs[..2].iter().filter_map(Value::as_u64).collect();
        generating.dedup();
        let matters = |&net: &u64| {
            assignments(&generating).any(|mut values| {
                let before = self.gives(&values);
                values.entry(net).and_modify(|value| *value = !*value);
                self.gives(&values) != before
            })
        };
        let generating: Vec<u64> = generating.iter().copied().filter(matters).collect();
        let [of] = generating[..] else { return None };
        let inverted = carry && self.inject != "YES";
        let gives = |values: &HashMap<u64, bool>| {
            let passes = values[&sum] ^ inverted;
            if passes { carry } else { self.gives(values) }
        };
        Some(Position::giving(&[of, sum], gives))
    }

    /// Gives a carry of up to two nets, whatever comes before.
    fn giving(nets: &[u64], carry: impl Fn(&HashMap<u64, bool>) -> bool) -> Self {
        let mut given = Position::idle();
        for (input, &net) in given.inputs.iter_mut().zip(nets) {
            *input = net.into();
        }
        let table = assignments(nets).filter(|values| carry(values)).map(|values| {
            let high = |bit: usize| nets.get(bit).is_none_or(|net| values[net]);
            1 << (usize::from(high(0)) + 2 * usize::from(high(1)))
        });
        given.table = table.sum();
        given
    }

    /// A table by itself.
    pub fn table_cell(&self, sum: &Value) -> Value {
        let mut connections = json!({"Z": [sum]});
        let mut directions = json!({"Z": "output"});
        for (input, bit) in INPUTS.iter().zip(&self.inputs) {
            connections[input.to_string()] = json!([bit]);
            directions[input.to_string()] = "input".into();
        }
        json!({
            "hide_name": 1, "type": TABLE, "parameters": {"INIT": format!("{:016b}", self.table)},
            "attributes": {}, "port_directions": directions, "connections": connections,
        })
    }

    /// Shows the carry as its sum.
    pub fn carry_out(sum: Value) -> Self {
        Position { sum: Some(sum), ..Position::idle() }
    }

    /// Ties high what is tied low or not at all.
    pub fn tie_high(&mut self) {
        for (bit, input) in self.inputs.iter_mut().enumerate() {
            if input.is_u64() {
                continue;
            }
            if input == "0" {
                let low = |entry: u16| self.table >> (entry & !(1 << bit)) & 1;
                self.table = (0..16).fold(0, |table, entry| table | low(entry) << entry);
            }
            *input = "1".into();
        }
    }

    pub fn put(&self, cell: &mut Value, half: usize) {
        cell["parameters"][format!("INIT{half}")] = format!("{:016b}", self.table).into();
        cell["parameters"][format!("INJECT1_{half}")] = self.inject.clone();
        for (input, bit) in INPUTS.iter().zip(&self.inputs) {
            cell["connections"][format!("{input}{half}")] = json!([bit]);
        }
        if let Some(sum) = &self.sum {
            cell["connections"][format!("S{half}")] = json!([sum]);
        }
    }
}

/// All values of nets.
fn assignments(nets: &[u64]) -> impl Iterator<Item = HashMap<u64, bool>> {
    (0..1_u32 << nets.len())
        .map(|bits| nets.iter().enumerate().map(|(bit, &net)| (net, bits >> bit & 1 == 1)).collect())
}
