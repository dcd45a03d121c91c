// SPDX-License-Identifier: MIT OR Apache-2.0
// `sign_add` whose carry cells invert the second number; the first has a table for each bit.
`default_nettype none

module sign_add #(
    parameter BITS = 8
) (
    input  wire [BITS-1:0] a,
    input  wire [BITS-1:0] b,
    input  wire            invert_a,
    input  wire            invert_b,
    output wire [  BITS:0] sum
);

  localparam ADD_SUB = 2;                  // I3 ? I0 + I1 : I0 + ~I1

  wire [  BITS:0] wide_a = {1'b0, a ^ {BITS{invert_a}}};
  wire [  BITS:0] wide_b = {invert_b, b};  // the top bit is 0 when inverted, as when not
  wire [BITS+1:0] carry;

  assign carry[0] = 1'b0;

  genvar i;
  generate
    for (i = 0; i <= BITS; i = i + 1) begin : g_bit
      ALU #(.ALU_MODE(ADD_SUB)) u_cell (
          .I0(wide_a[i]), .I1(wide_b[i]), .I3(~invert_b), .CIN(carry[i]), .SUM(sum[i]), .COUT(carry[i+1])
      );
    end
  endgenerate

endmodule

`default_nettype wire
