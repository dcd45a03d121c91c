// SPDX-License-Identifier: MIT OR Apache-2.0
// Ternary codes of two bits, 00, 01 and 11, from three in five bits; codes left over come as they are. Of five bits
// {e, b, a}: a and b are the first two codes and e the low bit of a third that is not 11, unless one of them is 10. With
// a = 10 the codes are {0, e}, b and 11, with b = 10 they are 11, a and 11. Combinational.
`default_nettype none

module trit_decoder #(
    parameter CODES = 8                                        // codes
) (
    input  wire [CODES/3*5+CODES%3*2-1:0] packed_codes,        // the first lowest
    output wire [            2*CODES-1:0] codes                // the first lowest
);

  localparam GROUPS = CODES / 3;

  genvar g;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : g_group
      wire [1:0] a = packed_codes[5*g+:2];
      wire [1:0] b = packed_codes[5*g+2+:2];
      wire       e = packed_codes[5*g+4];
      wire       skips_a = a == 2'b10;
      wire       skips_b = b == 2'b10;

      assign codes[6*g+:2]   = {a == 2'b11 || skips_b, a[0] || skips_b || (skips_a && e)};
      assign codes[6*g+2+:2] = {b[1] && (b[0] || a[1]), b[0] || (b[1] && a[0])};
      assign codes[6*g+4+:2] = {skips_a || skips_b, skips_a || skips_b || e};
    end
    if (CODES % 3 > 0) begin : g_rest
      assign codes[6*GROUPS+:2*(CODES%3)] = packed_codes[5*GROUPS+:2*(CODES%3)];
    end
  endgenerate

endmodule

`default_nettype wire
