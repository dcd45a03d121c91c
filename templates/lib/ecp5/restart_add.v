// SPDX-License-Identifier: MIT OR Apache-2.0
// `restart_add` in the carry cells alone.
`default_nettype none

module restart_add #(
    parameter BITS = 20
) (
    input  wire            keep,
    input  wire [BITS-1:0] a,
    input  wire [BITS-1:0] b,
    output wire [BITS-1:0] sum
);

  // C ? A ^ B : B. Where it does not propagate, the carry is the table at C = D = 0: B.
  localparam [15:0] STEP  = 16'h6C6C;
  localparam        PAIRS = (BITS + 1) / 2;
  localparam        WIDTH = 2 * PAIRS;

  wire [WIDTH-1:0] wide_a;
  wire [WIDTH-1:0] wide_b;
  wire [WIDTH-1:0] s;
  wire [  PAIRS:0] carry;

  assign carry[0] = 1'b0;
  assign sum = s[BITS-1:0];

  genvar i;
  generate
    if (WIDTH > BITS) begin : g_odd
      assign wide_a = {1'b0, a};
      assign wide_b = {1'b0, b};
    end else begin : g_even
      assign wide_a = a;
      assign wide_b = b;
    end
    for (i = 0; i < PAIRS; i = i + 1) begin : g_pair
      CCU2C #(.INIT0(STEP), .INIT1(STEP), .INJECT1_0("NO"), .INJECT1_1("NO")) u_cell (
          .CIN(carry[i]), .COUT(carry[i+1]),
          .A0(wide_a[2*i]), .B0(wide_b[2*i]), .C0(keep), .D0(1'b0), .S0(s[2*i]),
          .A1(wide_a[2*i+1]), .B1(wide_b[2*i+1]), .C1(keep), .D1(1'b0), .S1(s[2*i+1])
      );
    end
  endgenerate

endmodule

`default_nettype wire
