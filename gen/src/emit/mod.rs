//! A plan as Verilog: one struct per template, ROM images, the manifest.

pub mod manifest;
