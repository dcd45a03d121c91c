//! The typed network between the front ends and everything behind: a graph of integer operations.
//!
//! Every edge carries a [`Fact`]: shape, exact integer format and the exact range of its values. All
//! widths of the circuit come from the facts; no accumulator can overflow.

mod fact;
mod graph;
mod infer;
mod join;
mod op;
mod print;
pub(crate) mod softmax;
mod weights;

pub use fact::{Fact, Scale, Shape};
pub use graph::{Exactness, Graph, Node, NodeId};
pub(crate) use infer::{image, infer, slide};
pub use op::{BlockOrder, Op, Requantize, Scaling, Thresholds, Window};
pub use softmax::{IntegerSoftmax, Softmax};
pub use weights::{Scheme, Weights};
