// SPDX-License-Identifier: MIT OR Apache-2.0
// `sign_add` in the carry cells alone: the complements share the adder's lookup table.
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

  // (A ^ B) ^ (C ^ D). Where it does not propagate, the carry is the table at C = D = 0: A ^ B.
  localparam [15:0] STEP  = 16'h6996;
  localparam        PAIRS = (BITS + 2) / 2;
  localparam        WIDTH = 2 * PAIRS;

  wire [WIDTH-1:0] wide_a = {{(WIDTH - BITS) {1'b0}}, a};
  wire [WIDTH-1:0] wide_b = {{(WIDTH - BITS) {1'b0}}, b};
  wire [WIDTH-1:0] inverts_a = {{(WIDTH - BITS) {1'b0}}, {BITS{invert_a}}};
  wire [WIDTH-1:0] inverts_b = {{(WIDTH - BITS) {1'b0}}, {BITS{invert_b}}};
  wire [WIDTH-1:0] s;
  wire [  PAIRS:0] carry;

  assign carry[0] = 1'b0;
  assign sum = s[BITS:0];

  genvar i;
  generate
    for (i = 0; i < PAIRS; i = i + 1) begin : g_pair
      CCU2C #(.INIT0(STEP), .INIT1(STEP), .INJECT1_0("NO"), .INJECT1_1("NO")) u_cell (
          .CIN(carry[i]), .COUT(carry[i+1]),
          .A0(wide_a[2*i]), .B0(inverts_a[2*i]), .C0(wide_b[2*i]), .D0(inverts_b[2*i]), .S0(s[2*i]),
          .A1(wide_a[2*i+1]), .B1(inverts_a[2*i+1]), .C1(wide_b[2*i+1]), .D1(inverts_b[2*i+1]), .S1(s[2*i+1])
      );
    end
  endgenerate

endmodule

`default_nettype wire
