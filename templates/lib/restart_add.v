// SPDX-License-Identifier: MIT OR Apache-2.0
// An accumulator's adder: adds, or starts anew.
`default_nettype none

module restart_add #(
    parameter BITS = 20                    // bits of the sum
) (
    input  wire            keep,           // 0: a counts as 0
    input  wire [BITS-1:0] a,              // sum so far
    input  wire [BITS-1:0] b,              // what is added
    output wire [BITS-1:0] sum             // modulo 2^BITS
);

  assign sum = (keep ? a : {BITS{1'b0}}) + b;

endmodule

`default_nettype wire
