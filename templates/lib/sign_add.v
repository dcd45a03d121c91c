// SPDX-License-Identifier: MIT OR Apache-2.0
// Sum of two unsigned numbers, each as it is or its complement.
`default_nettype none

module sign_add #(
    parameter BITS = 8                     // bits of one number
) (
    input  wire [BITS-1:0] a,              // number
    input  wire [BITS-1:0] b,              // number
    input  wire            invert_a,       // 1: the complement of a is added
    input  wire            invert_b,       // 1: the complement of b is added
    output wire [  BITS:0] sum             // their sum, unsigned
);

  assign sum = {1'b0, a ^ {BITS{invert_a}}} + {1'b0, b ^ {BITS{invert_b}}};

endmodule

`default_nettype wire
