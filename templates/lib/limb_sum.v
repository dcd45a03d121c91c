// SPDX-License-Identifier: MIT OR Apache-2.0
// Sum of two's complement numbers, each 17 bits above the one before it. Latency 1 enabled cycle; 0 of one number alone.
`default_nettype none

module limb_sum #(
    parameter LIMBS = 2,                   // numbers
    parameter BITS  = 36                   // bits of a number, with room for what the numbers below carry into it
) (
    input  wire                          clk,     // clock
    input  wire                          enable,  // the register loads
    input  wire [        LIMBS*BITS-1:0] x,       // numbers, the lowest first
    output wire [BITS+17*(LIMBS-1)-1:0]  sum      // their sum
);

  genvar i;
  generate
    for (i = 0; i < LIMBS; i = i + 1) begin : g_limb
      wire [BITS+17*i-1:0] total;          // of the numbers up to this one
      if (i == 0) begin : g_first
        assign total = x[BITS-1:0];
      end else begin : g_next
        wire [BITS+17*(i-1)-1:0] below = g_limb[i-1].total;
        wire [         BITS-1:0] carried = {{17{below[BITS+17*(i-1)-1]}}, below[BITS+17*(i-1)-1:17*i]};
        assign total = {x[i*BITS+:BITS] + carried, below[17*i-1:0]};
      end
    end

    if (LIMBS == 1) begin : g_one
      assign sum = g_limb[0].total;
      wire unused = &{1'b0, clk, enable};
    end else begin : g_several
      reg [BITS+17*(LIMBS-1)-1:0] sum_q;
      always @(posedge clk) if (enable) sum_q <= g_limb[LIMBS-1].total;
      assign sum = sum_q;
    end
  endgenerate

endmodule

`default_nettype wire
