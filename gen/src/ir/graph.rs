//! Nodes in topological order, addressed by a typed id.

use crate::error::{Error, Place, Result};
use crate::fixed::Format;

use super::fact::{Fact, Scale, Shape};
use super::infer::infer;
use super::op::Op;
use super::softmax::Softmax;

/// The address of a node in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(usize);

impl NodeId {
    /// Its position in topological order.
    pub fn index(self) -> usize {
        self.0
    }
}

/// One operation and what is known of its output.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique in the graph; the user's layer name, with a suffix where a layer has several nodes.
    pub name: String,
    /// The user's layer that it comes from.
    pub layer: String,
    /// What it computes.
    pub op: Op,
    /// Where its operands come from.
    pub inputs: Vec<NodeId>,
    /// What is known of its output.
    pub fact: Fact,
    /// Of a scaling: whether it is what the user's numbers say.
    pub exactness: Option<Exactness>,
}

/// How a scaling stands to what the user said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// Spelled out in integers.
    Given,
    /// Equal to the real numbers for every accumulator that can occur.
    Equal,
    /// Near to them, as allowed.
    Near,
}

/// A network of integer operations. A node is added after its operands, so that the order is topological.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// The network's name: a legal Verilog identifier.
    pub name: String,
    nodes: Vec<Node>,
    outputs: Vec<NodeId>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new(name: impl Into<String>) -> Self {
        Graph { name: name.into(), nodes: Vec::new(), outputs: Vec::new() }
    }

    /// Adds a named input.
    pub fn input(&mut self, name: &str, shape: Shape, format: Format) -> NodeId {
        self.push(name, name, Op::Input, Vec::new(), Fact::new(shape, format))
    }

    /// Adds an operation of a user's layer and works out what is known of its output.
    ///
    /// # Errors
    /// When the operands do not suit the operation; the error names the layer.
    pub fn add(&mut self, name: &str, layer: &str, op: Op, inputs: &[NodeId]) -> Result<NodeId> {
        let facts: Vec<&Fact> = inputs.iter().map(|&id| &self[id].fact).collect();
        let fact = infer(&op, &facts).map_err(|error| error.at(Place::layer(layer)))?;
        if self.nodes.iter().any(|node| node.name == name) {
            return Err(Error::input(format!("found two nodes of the name `{name}`")).at(Place::layer(layer)));
        }
        Ok(self.push(name, layer, op, inputs.to_vec(), fact))
    }

    fn push(&mut self, name: &str, layer: &str, op: Op, inputs: Vec<NodeId>, fact: Fact) -> NodeId {
        self.nodes.push(Node { name: name.into(), layer: layer.into(), op, inputs, fact, exactness: None });
        NodeId(self.nodes.len() - 1)
    }

    /// Says what a unit of a node's output stands for; nothing that is computed depends on it.
    pub fn set_scale(&mut self, id: NodeId, scale: Option<Scale>) {
        self.nodes[id.0].fact.scale = scale;
    }

    /// Says how a node's scaling stands to what the user said; nothing that is computed depends on it.
    pub fn set_exactness(&mut self, id: NodeId, exactness: Exactness) {
        self.nodes[id.0].exactness = Some(exactness);
    }

    /// Names an output of the network.
    pub fn output(&mut self, id: NodeId) {
        self.outputs.push(id);
    }

    /// The network's outputs, in the order named.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// What a circuit gives: the outputs, each once, and instead of a softmax that is left out the scores before it.
    pub fn circuit_outputs(&self) -> Vec<NodeId> {
        let mut outputs: Vec<NodeId> = Vec::new();
        for id in self.outputs.iter().map(|&id| self.scores(id).unwrap_or(id)) {
            if !outputs.contains(&id) {
                outputs.push(id);
            }
        }
        outputs
    }

    /// The scores before a softmax that the circuit leaves out; none of another node.
    pub fn scores(&self, id: NodeId) -> Option<NodeId> {
        let is_left_out = match self[id].op {
            Op::Softmax(Softmax::Integer { in_circuit, .. }) => !in_circuit,
            Op::Softmax(Softmax::Real(_)) => true,
            _ => false,
        };
        self[id].inputs.first().copied().filter(|_| is_left_out)
    }

    /// The network's inputs, in the order added.
    pub fn inputs(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.ids().filter(|&id| self[id].op == Op::Input)
    }

    /// All nodes, operands first.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// All nodes, operands first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Who reads a node's output.
    pub fn readers(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.ids().filter(move |&reader| self[reader].inputs.contains(&id))
    }
}

impl std::ops::Index<NodeId> for Graph {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}
