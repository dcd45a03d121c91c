//! ONNX and its dialects for quantized networks (QONNX, FINN, QDQ, QLinear operators) to a [`Graph`] in real numbers.
//!
//! Constants are folded on the way, shapes with them.

mod constant;
mod file;
mod linear;
mod operators;
mod pad;
mod quantized;
mod resize;
mod shapes;

use std::collections::HashMap;
use std::rc::Rc;

use netetch_schemas::onnx::tensor_proto::DataType;
use netetch_schemas::onnx::tensor_shape_proto::dimension::Value as Dimension;
use netetch_schemas::onnx::{GraphProto, NodeProto, ValueInfoProto, type_proto};

use crate::error::{Error, Faults, Result};

use super::Numbers;
use super::graph::{Graph, Integers, Node, Op, Wire};
use super::tensor::{Constant, within_limits};
use file::Attributes;

/// What a name in the file stands for.
#[derive(Clone)]
enum Value {
    Constant(Rc<Constant>),
    /// Real numbers.
    Wire(Wire),
    /// The integers behind a wire.
    Codes(Wire),
    /// What could not be read; the reason is reported already.
    Unknown,
}

/// Reads a model.
///
/// # Errors
/// When it is no ONNX, and for every node that has no meaning here, all at once.
pub fn read(bytes: &[u8], numbers: Numbers) -> Result<Graph> {
    let file = file::decode(bytes)?;
    if file.node.is_empty() {
        return Err(Error::input("found no nodes; expected a network"));
    }
    let declared = file.value_info.iter().map(|info| (info.name(), info)).collect();
    let mut reader = Reader { numbers, declared, ..Reader::default() };
    reader.constants(&file);
    reader.inputs(&file);
    for node in &file.node {
        reader.node(node);
    }
    reader.faults.or(())?;
    for output in &file.output {
        match reader.values.get(output.name()) {
            Some(Value::Wire(wire) | Value::Codes(wire)) => reader.graph.outputs.push(*wire),
            _ => {
                return Err(Error::input(format!("found no node that makes the output `{}`", output.name())));
            }
        }
    }
    Ok(reader.graph)
}

/// A node in messages.
fn described(node: &NodeProto) -> String {
    let name = match (node.name(), node.output.first()) {
        ("", Some(output)) => output,
        (name, _) => name,
    };
    format!("node `{}` ({})", name.chars().take(100).collect::<String>(), node.op_type())
}

#[derive(Default)]
struct Reader<'a> {
    numbers: Numbers,
    graph: Graph,
    /// What the file says of tensors within the network.
    declared: HashMap<&'a str, &'a ValueInfoProto>,
    values: HashMap<String, Value>,
    faults: Faults,
}

impl Reader<'_> {
    fn constants(&mut self, file: &GraphProto) {
        for tensor in &file.initializer {
            let constant = file::constant(tensor).map(|constant| Value::Constant(Rc::new(constant)));
            let constant = constant.unwrap_or_else(|error| {
                self.faults.push(error.about(&format!("initializer `{}`", tensor.name())));
                Value::Unknown
            });
            self.values.insert(tensor.name().to_owned(), constant);
        }
    }

    fn inputs(&mut self, file: &GraphProto) {
        let inputs: Vec<_> =
            file.input.iter().filter(|input| !self.values.contains_key(input.name())).collect();
        for input in &inputs {
            self.values.insert(input.name().to_owned(), Value::Unknown);
        }
        if let Err(error) = self.input(&inputs) {
            self.faults.push(error);
        }
    }

    fn input(&mut self, inputs: &[&ValueInfoProto]) -> Result<()> {
        let [input] = inputs[..] else {
            let names: Vec<&str> = inputs.iter().map(|input| input.name()).collect();
            return Err(Error::input(format!(
                "found {} inputs ({}); expected 1",
                names.len(),
                names.join(", ")
            ))
            .mend("export a network of one input"));
        };
        let (shape, integers) =
            declared(input).map_err(|error| error.about(&format!("input `{}`", input.name())))?;
        within_limits(&shape)?;
        let op = Op::Input(integers.map(|range| Integers { range, scale: None, zero: 0 }));
        let node = Node { name: input.name().into(), kind: "input".into(), op, inputs: Vec::new(), shape };
        let wire = self.graph.push(node);
        let value = if integers.is_some() { Value::Codes(wire) } else { Value::Wire(wire) };
        self.values.insert(input.name().into(), value);
        Ok(())
    }

    fn node(&mut self, node: &NodeProto) {
        let names = node.input.iter();
        let inputs: Vec<Option<Value>> = names
            .map(|name| {
                if name.is_empty() {
                    None
                } else {
                    Some(self.values.get(name).cloned().unwrap_or(Value::Unknown))
                }
            })
            .collect();
        let unread = node.input.iter().find(|name| !name.is_empty() && !self.values.contains_key(*name));
        let made = match (operators::unsupported(node, self.numbers), unread) {
            (Some(error), _) => Err(error),
            (None, Some(name)) => {
                Err(Error::input(format!("found the operand `{name}`, which nothing before it makes")))
            }
            _ if inputs.iter().any(|input| matches!(input, Some(Value::Unknown))) => Ok(Vec::new()),
            _ => self.translate(node, &inputs),
        };
        let made = made.unwrap_or_else(|error| {
            self.faults.push(error.about(&described(node)));
            Vec::new()
        });
        let mut made = made.into_iter();
        for name in &node.output {
            let value = made.next().unwrap_or_else(|| self.assumed(name));
            self.values.insert(name.clone(), value);
        }
    }

    /// A tensor that could not be read, by what the file says of it: what reads it is read as well. Nothing comes of that,
    /// for there is a fault already.
    fn assumed(&mut self, name: &str) -> Value {
        let told = self.declared.get(name).filter(|_| !self.faults.is_empty());
        let Some(Ok((shape, integers))) = told.map(|info| declared(info)) else { return Value::Unknown };
        if within_limits(&shape).is_err() {
            return Value::Unknown;
        }
        let (name, kind) = (name.to_owned(), String::new());
        let wire = self.graph.push(Node { name, kind, op: Op::Input(None), inputs: Vec::new(), shape });
        if integers.is_some() { Value::Codes(wire) } else { Value::Wire(wire) }
    }

    /// What a node makes of its operands.
    fn translate(&mut self, node: &NodeProto, inputs: &[Option<Value>]) -> Result<Vec<Value>> {
        let attributes = Attributes(node);
        let op = node.op_type();
        let operands = Operands { node, values: inputs };
        if op == "Constant" {
            return Ok(vec![Value::Constant(Rc::new(attributes.constant()?))]);
        }
        if op == "Shape" {
            let wire = operands.any_wire(0)?;
            if let Some(wire) = wire {
                return Ok(vec![Value::Constant(Rc::new(Constant::integers(&self.graph.nodes[wire].shape)))]);
            }
        }
        if inputs.iter().flatten().all(|input| matches!(input, Value::Constant(_))) {
            let constants: Vec<Option<&Constant>> = inputs
                .iter()
                .map(|input| match input {
                    Some(Value::Constant(constant)) => Some(&**constant),
                    _ => None,
                })
                .collect();
            let made = match quantized::constant(node, &constants)? {
                Some(made) => made,
                None => constant::evaluate(op, &constants, &attributes)?.ok_or_else(|| {
                    Error::input("found the operator where all operands are constant; it is not read so")
                })?,
            };
            return Ok(vec![Value::Constant(Rc::new(made))]);
        }
        for family in [quantized::translate, linear::translate, shapes::translate] {
            if let Some(made) = family(self, &operands)? {
                return Ok(made);
            }
        }
        Err(Error::input("found the operator where its operand is no constant; it is read of constants only")
            .mend("take it out of the model before exporting"))
    }

    /// Adds a node of the file's name.
    fn push(&mut self, node: &NodeProto, op: Op, inputs: Vec<Wire>, shape: Vec<usize>) -> Result<Wire> {
        within_limits(&shape)?;
        let name = match node.name() {
            "" => node.output.first().cloned().unwrap_or_default(),
            name => name.to_owned(),
        };
        Ok(self.graph.push(Node { name, kind: node.op_type().into(), op, inputs, shape }))
    }

    fn shape(&self, wire: Wire) -> &[usize] {
        &self.graph.nodes[wire].shape
    }
}

/// The shape of an input, its batch 1, and the range of its integers when it has such.
fn declared(input: &ValueInfoProto) -> Result<(Vec<usize>, Option<[i64; 2]>)> {
    let Some(type_proto::Value::TensorType(tensor)) =
        input.r#type.as_ref().and_then(|kind| kind.value.as_ref())
    else {
        return Err(Error::input("found no tensor type"));
    };
    let data_type = DataType::try_from(tensor.elem_type()).unwrap_or(DataType::Undefined);
    let dimensions = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let extent =
        |(axis, dimension): (usize, &netetch_schemas::onnx::tensor_shape_proto::Dimension)| match &dimension
            .value
        {
            Some(Dimension::DimValue(extent)) if *extent >= 1 => Ok(*extent as usize),
            _ if axis == 0 => Ok(1),
            _ => Err(Error::input(format!("found no extent of axis {axis}"))
                .mend("export with a fixed shape; only the batch may be left open")),
        };
    let shape = dimensions.iter().enumerate().map(extent).collect::<Result<Vec<_>>>()?;
    if shape.len() > 1 && shape[0] != 1 {
        return Err(Error::input(format!("found a batch of {}; expected 1", shape[0]))
            .mend("export with a batch of 1"));
    }
    match data_type {
        DataType::Float | DataType::Double | DataType::Float16 => Ok((shape, None)),
        other => match file::limits(other) {
            Some(range) => Ok((shape, Some(range))),
            None => Err(Error::input(format!("found elements of the type {}", other.as_str_name()))),
        },
    }
}

/// The operands of a node.
struct Operands<'a> {
    node: &'a NodeProto,
    values: &'a [Option<Value>],
}

impl Operands<'_> {
    fn op(&self) -> &str {
        self.node.op_type()
    }

    fn attributes(&self) -> Attributes<'_> {
        Attributes(self.node)
    }

    fn get(&self, index: usize) -> Option<&Value> {
        self.values.get(index).and_then(Option::as_ref)
    }

    /// A constant operand, if it is there.
    fn optional(&self, index: usize) -> Result<Option<&Constant>> {
        match self.get(index) {
            None => Ok(None),
            Some(Value::Constant(constant)) => Ok(Some(constant)),
            Some(_) => Err(Error::input(format!(
                "found an operand {index} that depends on the data; expected a constant"
            ))
            .mend("such a parameter has no circuit: fix it before exporting")),
        }
    }

    fn constant(&self, index: usize) -> Result<&Constant> {
        self.optional(index)?.ok_or_else(|| constant::missing(index))
    }

    /// An operand of real numbers.
    fn wire(&self, index: usize) -> Result<Wire> {
        match self.get(index) {
            Some(Value::Wire(wire)) => Ok(*wire),
            Some(Value::Codes(_)) => {
                Err(Error::input(format!("found integers as operand {index}; expected real numbers"))
                    .mend("put a DequantizeLinear before it"))
            }
            Some(_) => Err(Error::input(format!(
                "found a constant as operand {index}; expected what the network computes"
            ))),
            None => Err(constant::missing(index)),
        }
    }

    /// An operand that the network computes, of either kind; `None` when it is a constant.
    fn any_wire(&self, index: usize) -> Result<Option<Wire>> {
        match self.get(index) {
            Some(Value::Wire(wire) | Value::Codes(wire)) => Ok(Some(*wire)),
            Some(_) => Ok(None),
            None => Err(constant::missing(index)),
        }
    }
}
