// SPDX-License-Identifier: MIT OR Apache-2.0
// `sign_add` with a table for each bit: it inverts both numbers, and gives the carry the first.
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

  localparam [63:0] STEP    = 64'h69966996_66666666;         // O5: I0 ^ I1. O6: that ^ I2 ^ I3.
  localparam        CARRIES = (BITS + 4) / 4;
  localparam        WIDTH   = 4 * CARRIES;

  wire [WIDTH-1:0] first;
  wire [WIDTH-1:0] step;
  wire [WIDTH-1:0] wide;
  wire [WIDTH-1:0] carry;

  assign sum = wide[BITS:0];

  genvar k;
  generate
    for (k = 0; k < WIDTH; k = k + 1) begin : g_bit
      if (k < BITS) begin : g_step
        LUT6_2 #(.INIT(STEP)) u_cell (
            .I0(a[k]), .I1(invert_a), .I2(b[k]), .I3(invert_b), .I4(1'b0), .I5(1'b1), .O5(first[k]), .O6(step[k])
        );
      end else begin : g_top
        assign first[k] = 1'b0;
        assign step[k] = 1'b0;
      end
    end
    for (k = 0; k < CARRIES; k = k + 1) begin : g_carry
      CARRY4 u_cell (
          .CI((k == 0) ? 1'b0 : carry[4*k-1]), .CYINIT(1'b0), .DI(first[4*k+:4]), .S(step[4*k+:4]),
          .O(wide[4*k+:4]), .CO(carry[4*k+:4])
      );
    end
  endgenerate

endmodule

`default_nettype wire
