// SPDX-License-Identifier: MIT OR Apache-2.0
// `gated_add` in the carry cells alone: gate and complement share the adder's lookup table.
`default_nettype none

module gated_add #(
    parameter A_BITS   = 9,
    parameter B_BITS   = 8,
    parameter SUM_BITS = 10
) (
    input  wire [  A_BITS-1:0] a,
    input  wire [  B_BITS-1:0] b,
    input  wire                gate,
    input  wire                invert,
    output wire [SUM_BITS-1:0] sum
);

  // A ^ ((B ^ D) & C). Where it does not propagate, the carry is the table at C = D = 0: A.
  localparam [15:0] STEP  = 16'h9A6A;
  localparam        PAIRS = (SUM_BITS + 1) / 2;
  localparam        WIDTH = 2 * PAIRS;

  wire [WIDTH-1:0] wide_a = {{(WIDTH - A_BITS) {1'b0}}, a};
  wire [WIDTH-1:0] wide_b = {{(WIDTH - B_BITS) {1'b0}}, b};
  wire [WIDTH-1:0] gates = {{(WIDTH - B_BITS) {1'b0}}, {B_BITS{gate}}};
  wire [WIDTH-1:0] inverts = {{(WIDTH - B_BITS) {1'b0}}, {B_BITS{invert}}};
  wire [WIDTH-1:0] s;
  wire [  PAIRS:0] carry;

  assign carry[0] = 1'b0;
  assign sum = s[SUM_BITS-1:0];

  genvar i;
  generate
    for (i = 0; i < PAIRS; i = i + 1) begin : g_pair
      CCU2C #(.INIT0(STEP), .INIT1(STEP), .INJECT1_0("NO"), .INJECT1_1("NO")) u_cell (
          .CIN(carry[i]), .COUT(carry[i+1]),
          .A0(wide_a[2*i]), .B0(wide_b[2*i]), .C0(gates[2*i]), .D0(inverts[2*i]), .S0(s[2*i]),
          .A1(wide_a[2*i+1]), .B1(wide_b[2*i+1]), .C1(gates[2*i+1]), .D1(inverts[2*i+1]), .S1(s[2*i+1])
      );
    end
  endgenerate

endmodule

`default_nettype wire
