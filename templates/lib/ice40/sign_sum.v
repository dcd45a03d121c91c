// SPDX-License-Identifier: MIT OR Apache-2.0
// `sign_sum` that inverts before its register: an adder's carry takes its operands as they are, so every lane needs its
// lookup tables, whose registers come with them.
`default_nettype none

module sign_sum #(
    parameter LANES    = 8,
    parameter BITS     = 8,
    parameter HELD     = 0,
    parameter OUT_BITS = 20
) (
    input  wire                  clk,
    input  wire [LANES*BITS-1:0] x,
    input  wire [     LANES-1:0] invert,
    output wire [  OUT_BITS-1:0] sum
);

  wire [LANES*BITS-1:0] signs;
  wire [LANES*BITS-1:0] number;

  genvar i;
  generate
    for (i = 0; i < LANES; i = i + 1) begin : g_lane
      assign signs[i*BITS+:BITS] = {BITS{invert[i]}};
    end
  endgenerate

  delay #(.BITS(LANES * BITS), .CYCLES(HELD)) u_number (.clk(clk), .d(x ^ signs), .q(number));

  adder_tree #(.LANES(LANES), .BITS(BITS), .SIGNED(0), .OUT_BITS(OUT_BITS)) u_tree (.clk(clk), .x(number), .sum(sum));

endmodule

`default_nettype wire
