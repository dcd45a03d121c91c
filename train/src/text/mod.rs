//! Text, letter by letter: networks with a memory that foresee the next one (shin2017, section 3.2).

pub mod corpus;
pub mod export;
pub mod network;
pub mod trainer;

#[cfg(test)]
mod tests;
