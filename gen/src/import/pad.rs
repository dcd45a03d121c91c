//! Zeros around an image become padding of the windows that read it.

use crate::desc::types::Activation;
use crate::error::{Error, Faults, Result};

use super::graph::{Graph, Node, Op, Window, Wire};
use super::quantizer::Quantizer;

/// A wire of the file in the new graph, and the zeros around it that no node has taken in.
#[derive(Clone, Copy)]
struct Bare {
    wire: Wire,
    padding: [usize; 4],
}

/// The same network without `Op::Pad`.
///
/// # Errors
/// For every node that reads an image with zeros around it and slides no window over it.
pub fn absorbed(graph: Graph) -> Result<Graph> {
    let mut made = Graph::default();
    // None where a fault is reported.
    let mut bare: Vec<Option<Bare>> = Vec::with_capacity(graph.nodes.len());
    let mut faults = Faults::default();
    for node in graph.nodes {
        let inputs: Option<Vec<Bare>> = node.inputs.iter().map(|&input| bare[input]).collect();
        let (name, kind) = (node.name.clone(), node.kind.clone());
        let taken = inputs.map(|inputs| take(&mut made, node, &inputs));
        bare.push(taken.and_then(|taken| {
            faults.keep(taken.map_err(|error| error.about(&format!("node `{name}` ({kind})"))))
        }));
    }
    for output in graph.outputs.into_iter().filter_map(|output| bare[output]) {
        if output.padding != [0; 4] {
            faults.push(untaken().about(&format!("output of node `{}`", made.nodes[output.wire].name)));
        }
        made.outputs.push(output.wire);
    }
    faults.or(())?;
    Ok(made)
}

/// Adds a node, the zeros around what it reads taken in or left for those behind it.
fn take(made: &mut Graph, node: Node, inputs: &[Bare]) -> Result<Bare> {
    let padding = inputs.first().map_or([0; 4], |input| input.padding);
    if let (Op::Pad(more), Some(input)) = (&node.op, inputs.first()) {
        return Ok(Bare { wire: input.wire, padding: sum(padding, *more) });
    }
    let is_plain = inputs.iter().all(|input| input.padding == [0; 4]);
    let (op, left) = if is_plain { (node.op, [0; 4]) } else { absorb(made, node.op, inputs[0])? };
    let shape = if left == [0; 4] { node.shape } else { made.nodes[inputs[0].wire].shape.clone() };
    let inputs = inputs.iter().map(|input| input.wire).collect();
    Ok(Bare { wire: made.push(Node { op, inputs, shape, ..node }), padding: left })
}

/// An operation that reads an image without its zeros, and the zeros that are still around the result.
fn absorb(made: &Graph, op: Op, input: Bare) -> Result<(Op, [usize; 4])> {
    let wider = |window: Window| Window { padding: sum(window.padding, input.padding), ..window };
    let around = |window: &Window| (0..4).all(|side| input.padding[side] < window.kernel[side % 2]);
    Ok(match op {
        Op::Conv { weights, window, groups } => (Op::Conv { weights, window: wider(window), groups }, [0; 4]),
        Op::AveragePool(window, counts) if counts || window.padding == [0; 4] => {
            (Op::AveragePool(wider(window), true), [0; 4])
        }
        // Zeros never win over what is not negative.
        Op::MaxPool(window) if around(&window) && is_unsigned(made, input.wire) => {
            (Op::MaxPool(wider(window)), [0; 4])
        }
        op if keeps_zero(&op) => (op, input.padding),
        _ => return Err(untaken()),
    })
}

fn sum(a: [usize; 4], b: [usize; 4]) -> [usize; 4] {
    std::array::from_fn(|side| a[side] + b[side])
}

fn untaken() -> Error {
    Error::input("found zeros around an image that no window takes in").mend(
        "pad straight before a convolution, an average pool that counts padding, or a max pool over unsigned numbers",
    )
}

/// Whether an operation works on each element by itself and leaves 0 as it is.
fn keeps_zero(op: &Op) -> bool {
    match op {
        Op::Norm(norm, _) => norm.at_zero().iter().all(|&value| value == 0.0),
        Op::Activation(activation, _) => match activation {
            Activation::Clip([low, high]) => *low <= 0.0 && *high >= 0.0,
            Activation::Sigmoid | Activation::SigmoidOf(_) => false,
            Activation::None
            | Activation::Relu
            | Activation::Tanh
            | Activation::TanhOf(_)
            | Activation::Leaky(_)
            | Activation::Prelu(_) => true,
        },
        Op::Quantize(quantizer) => has_zero(quantizer),
        _ => false,
    }
}

fn has_zero(quantizer: &Quantizer) -> bool {
    let range = quantizer.low as f64..=quantizer.high as f64;
    !quantizer.bipolar && quantizer.zero.values.iter().all(|zero| zero.fract() == 0.0 && range.contains(zero))
}

/// Whether nothing negative can be on a wire, as far as the nodes that make it tell.
fn is_unsigned(graph: &Graph, mut wire: Wire) -> bool {
    loop {
        let node = &graph.nodes[wire];
        match (&node.op, node.inputs.first()) {
            (Op::Activation(Activation::Relu, _), _) => return true,
            (Op::Quantize(quantizer), Some(&input)) => {
                let low = quantizer.low as f64;
                if !quantizer.bipolar && quantizer.zero.values.iter().all(|&zero| zero <= low) {
                    return true;
                }
                wire = input;
            }
            (Op::MaxPool(_) | Op::AveragePool(..) | Op::Upsample(_) | Op::DepthToSpace(..), Some(&input)) => {
                wire = input;
            }
            _ => return false,
        }
    }
}
