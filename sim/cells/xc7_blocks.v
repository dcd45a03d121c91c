// SPDX-License-Identifier: MIT OR Apache-2.0
// What 7-series' block RAMs do, for simulating netlists: Yosys' own models of them are empty. Output registers, which
// Yosys leaves unused, and cascades are not modelled: a netlist with them does not compile.
`default_nettype none
/* verilator lint_off DECLFILENAME */

// Bytes with a parity bit each. A port of one, two or four bits reaches those of a byte; one of 9, 18, 36 or 72 as many
// bytes. As simple dual port A reads and B writes, and a word wider than a port has the pins of both.
module xc7_block #(
    parameter HALF = 16,                   // data bits of a port at most
    parameter RAM_MODE = "TDP",
    parameter [HALF+HALF/8-1:0] INIT_A = 0,
    parameter [HALF+HALF/8-1:0] INIT_B = 0,
    parameter [HALF+HALF/8-1:0] SRVAL_A = 0,
    parameter [HALF+HALF/8-1:0] SRVAL_B = 0,
    parameter READ_WIDTH_A = 0,
    parameter READ_WIDTH_B = 0,
    parameter WRITE_WIDTH_A = 0,
    parameter WRITE_WIDTH_B = 0,
    parameter WRITE_MODE_A = "WRITE_FIRST",
    parameter WRITE_MODE_B = "WRITE_FIRST",
    parameter [1024*HALF-1:0] DATA = 0,
    parameter [128*HALF-1:0] PARITY = 0,
    parameter PLAIN = 1                    // 0: with an output register, or part of a cascade
) (
    input wire clk_a, clk_b, en_a, en_b, rst_a, rst_b,
    input wire [14:0] address_a, address_b,
    input wire [HALF+HALF/8-1:0] in_a, in_b,         // parity above data
    input wire [HALF/8-1:0] we_a,
    input wire [HALF/4-1:0] we_b,
    output wire [HALF+HALF/8-1:0] out_a, out_b
);

  localparam LANES  = HALF / 8;            // bytes of a port
  localparam BYTES  = 128 * HALF;
  localparam IS_SDP = RAM_MODE == "SDP";
  localparam WIDER  = 9 * LANES + 1;       // a word of so many bits or more has the pins of both ports

  reg [8:0] mem[0:BYTES-1];
  reg [HALF+LANES-1:0] low_a, high_a, low_b;
  integer a, b, place;

  initial begin
    for (place = 0; place < BYTES; place = place + 1) mem[place] = {PARITY[place], DATA[8*place+:8]};
    low_a = INIT_A;
    high_a = INIT_B;
    low_b = INIT_B;
  end

  function [14:0] byte_of(input integer width, input [14:0] address, input integer lane);
    byte_of = (width < 9) ? address >> 3 : ((address >> 3) & ~(width / 9 - 15'd1)) + lane[14:0];
  endfunction

  function [8:0] get(input integer width, input [14:0] address, input integer lane);
    reg [8:0] held;
    begin
      held = mem[byte_of(width, address, lane)];
      if (width < 9) get = (lane == 0) ? (held >> (address[2:0] & ~(width[2:0] - 3'd1))) & ((9'd1 << width) - 9'd1) : 9'd0;
      else get = (lane < width / 9) ? held : 9'd0;
    end
  endfunction

  function [8:0] put(input integer width, input [14:0] address, input [8:0] held, input [8:0] value);
    reg [8:0] mask;
    begin
      mask = (width < 9) ? ((9'd1 << width) - 9'd1) << (address[2:0] & ~(width[2:0] - 3'd1)) : 9'h1FF;
      put = (held & ~mask) | ((value << ((width < 9) ? (address[2:0] & ~(width[2:0] - 3'd1)) : 3'd0)) & mask);
    end
  endfunction

  always @(posedge clk_a) begin
    if (en_a) begin
      for (a = 0; a < LANES; a = a + 1) begin
        if (IS_SDP || we_a == 0 || WRITE_MODE_A == "READ_FIRST")
          {low_a[HALF+a], low_a[8*a+:8]} <= get(READ_WIDTH_A, address_a, a);
        else if (WRITE_MODE_A == "WRITE_FIRST") {low_a[HALF+a], low_a[8*a+:8]} <= {in_a[HALF+a], in_a[8*a+:8]};
        {high_a[HALF+a], high_a[8*a+:8]} <= get(READ_WIDTH_A, address_a, LANES + a);
        if (!IS_SDP && WRITE_WIDTH_A != 0 && we_a[a] && (a == 0 || a < WRITE_WIDTH_A / 9))
          mem[byte_of(WRITE_WIDTH_A, address_a, a)] <=
              put(WRITE_WIDTH_A, address_a, mem[byte_of(WRITE_WIDTH_A, address_a, a)], {in_a[HALF+a], in_a[8*a+:8]});
      end
      if (rst_a) begin
        low_a <= SRVAL_A;
        high_a <= SRVAL_B;
      end
    end
  end

  always @(posedge clk_b) begin
    if (en_b) begin
      for (b = 0; b < LANES; b = b + 1) begin
        if (we_b == 0 || WRITE_MODE_B == "READ_FIRST")
          {low_b[HALF+b], low_b[8*b+:8]} <= get(READ_WIDTH_B, address_b, b);
        else if (WRITE_MODE_B == "WRITE_FIRST") {low_b[HALF+b], low_b[8*b+:8]} <= {in_b[HALF+b], in_b[8*b+:8]};
        if (IS_SDP && WRITE_WIDTH_B >= WIDER) begin
          if (we_b[b])
            mem[byte_of(WRITE_WIDTH_B, address_b, b)] <= {in_a[HALF+b], in_a[8*b+:8]};
          if (we_b[LANES+b])
            mem[byte_of(WRITE_WIDTH_B, address_b, LANES + b)] <= {in_b[HALF+b], in_b[8*b+:8]};
        end else if (WRITE_WIDTH_B != 0 && we_b[b] && (b == 0 || b < WRITE_WIDTH_B / 9))
          mem[byte_of(WRITE_WIDTH_B, address_b, b)] <=
              put(WRITE_WIDTH_B, address_b, mem[byte_of(WRITE_WIDTH_B, address_b, b)], {in_b[HALF+b], in_b[8*b+:8]});
      end
      if (rst_b) low_b <= SRVAL_B;
    end
  end

  generate
    if (PLAIN == 0) begin : g_more
      xc7_block_without_a_model u_none ();
    end
  endgenerate

  assign out_a = low_a;
  assign out_b = (IS_SDP && READ_WIDTH_A >= WIDER) ? high_a : low_b;

endmodule

module RAMB18E1 #(
    parameter [255:0] INITP_00 = 256'd0,
    parameter [255:0] INITP_01 = 256'd0,
    parameter [255:0] INITP_02 = 256'd0,
    parameter [255:0] INITP_03 = 256'd0,
    parameter [255:0] INITP_04 = 256'd0,
    parameter [255:0] INITP_05 = 256'd0,
    parameter [255:0] INITP_06 = 256'd0,
    parameter [255:0] INITP_07 = 256'd0,
    parameter [255:0] INIT_00 = 256'd0,
    parameter [255:0] INIT_01 = 256'd0,
    parameter [255:0] INIT_02 = 256'd0,
    parameter [255:0] INIT_03 = 256'd0,
    parameter [255:0] INIT_04 = 256'd0,
    parameter [255:0] INIT_05 = 256'd0,
    parameter [255:0] INIT_06 = 256'd0,
    parameter [255:0] INIT_07 = 256'd0,
    parameter [255:0] INIT_08 = 256'd0,
    parameter [255:0] INIT_09 = 256'd0,
    parameter [255:0] INIT_0A = 256'd0,
    parameter [255:0] INIT_0B = 256'd0,
    parameter [255:0] INIT_0C = 256'd0,
    parameter [255:0] INIT_0D = 256'd0,
    parameter [255:0] INIT_0E = 256'd0,
    parameter [255:0] INIT_0F = 256'd0,
    parameter [255:0] INIT_10 = 256'd0,
    parameter [255:0] INIT_11 = 256'd0,
    parameter [255:0] INIT_12 = 256'd0,
    parameter [255:0] INIT_13 = 256'd0,
    parameter [255:0] INIT_14 = 256'd0,
    parameter [255:0] INIT_15 = 256'd0,
    parameter [255:0] INIT_16 = 256'd0,
    parameter [255:0] INIT_17 = 256'd0,
    parameter [255:0] INIT_18 = 256'd0,
    parameter [255:0] INIT_19 = 256'd0,
    parameter [255:0] INIT_1A = 256'd0,
    parameter [255:0] INIT_1B = 256'd0,
    parameter [255:0] INIT_1C = 256'd0,
    parameter [255:0] INIT_1D = 256'd0,
    parameter [255:0] INIT_1E = 256'd0,
    parameter [255:0] INIT_1F = 256'd0,
    parameter [255:0] INIT_20 = 256'd0,
    parameter [255:0] INIT_21 = 256'd0,
    parameter [255:0] INIT_22 = 256'd0,
    parameter [255:0] INIT_23 = 256'd0,
    parameter [255:0] INIT_24 = 256'd0,
    parameter [255:0] INIT_25 = 256'd0,
    parameter [255:0] INIT_26 = 256'd0,
    parameter [255:0] INIT_27 = 256'd0,
    parameter [255:0] INIT_28 = 256'd0,
    parameter [255:0] INIT_29 = 256'd0,
    parameter [255:0] INIT_2A = 256'd0,
    parameter [255:0] INIT_2B = 256'd0,
    parameter [255:0] INIT_2C = 256'd0,
    parameter [255:0] INIT_2D = 256'd0,
    parameter [255:0] INIT_2E = 256'd0,
    parameter [255:0] INIT_2F = 256'd0,
    parameter [255:0] INIT_30 = 256'd0,
    parameter [255:0] INIT_31 = 256'd0,
    parameter [255:0] INIT_32 = 256'd0,
    parameter [255:0] INIT_33 = 256'd0,
    parameter [255:0] INIT_34 = 256'd0,
    parameter [255:0] INIT_35 = 256'd0,
    parameter [255:0] INIT_36 = 256'd0,
    parameter [255:0] INIT_37 = 256'd0,
    parameter [255:0] INIT_38 = 256'd0,
    parameter [255:0] INIT_39 = 256'd0,
    parameter [255:0] INIT_3A = 256'd0,
    parameter [255:0] INIT_3B = 256'd0,
    parameter [255:0] INIT_3C = 256'd0,
    parameter [255:0] INIT_3D = 256'd0,
    parameter [255:0] INIT_3E = 256'd0,
    parameter [255:0] INIT_3F = 256'd0,
    parameter [17:0] INIT_A = 18'd0,
    parameter [17:0] INIT_B = 18'd0,
    parameter [17:0] SRVAL_A = 18'd0,
    parameter [17:0] SRVAL_B = 18'd0,
    parameter RAM_MODE = "TDP",
    parameter READ_WIDTH_A = 0,
    parameter READ_WIDTH_B = 0,
    parameter WRITE_WIDTH_A = 0,
    parameter WRITE_WIDTH_B = 0,
    parameter WRITE_MODE_A = "WRITE_FIRST",
    parameter WRITE_MODE_B = "WRITE_FIRST",
    parameter DOA_REG = 0,
    parameter DOB_REG = 0,
    parameter [0:0] IS_CLKARDCLK_INVERTED = 1'b0,
    parameter [0:0] IS_CLKBWRCLK_INVERTED = 1'b0,
    parameter [0:0] IS_ENARDEN_INVERTED = 1'b0,
    parameter [0:0] IS_ENBWREN_INVERTED = 1'b0,
    parameter [0:0] IS_RSTRAMARSTRAM_INVERTED = 1'b0,
    parameter [0:0] IS_RSTRAMB_INVERTED = 1'b0,
    parameter [0:0] IS_RSTREGARSTREG_INVERTED = 1'b0,
    parameter [0:0] IS_RSTREGB_INVERTED = 1'b0
) (
    input wire CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input wire RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input wire [13:0] ADDRARDADDR, ADDRBWRADDR,
    input wire [15:0] DIADI, DIBDI,
    input wire [1:0] DIPADIP, DIPBDIP,
    input wire [1:0] WEA,
    input wire [3:0] WEBWE,
    output wire [15:0] DOADO, DOBDO,
    output wire [1:0] DOPADOP, DOPBDOP
);

  xc7_block #(
      .HALF(16), .PLAIN(DOA_REG == 0 && DOB_REG == 0), .RAM_MODE(RAM_MODE), .INIT_A(INIT_A), .INIT_B(INIT_B), .SRVAL_A(SRVAL_A), .SRVAL_B(SRVAL_B),
      .READ_WIDTH_A(READ_WIDTH_A), .READ_WIDTH_B(READ_WIDTH_B), .WRITE_WIDTH_A(WRITE_WIDTH_A),
      .WRITE_WIDTH_B(WRITE_WIDTH_B), .WRITE_MODE_A(WRITE_MODE_A), .WRITE_MODE_B(WRITE_MODE_B),
      .DATA({
          INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38,
          INIT_37, INIT_36, INIT_35, INIT_34, INIT_33, INIT_32, INIT_31, INIT_30,
          INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
          INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20,
          INIT_1F, INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18,
          INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12, INIT_11, INIT_10,
          INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08,
          INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00
      }), .PARITY({
          INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00
      })
  ) u_block (
      .clk_a(CLKARDCLK ^ IS_CLKARDCLK_INVERTED), .clk_b(CLKBWRCLK ^ IS_CLKBWRCLK_INVERTED),
      .en_a(ENARDEN ^ IS_ENARDEN_INVERTED), .en_b(ENBWREN ^ IS_ENBWREN_INVERTED),
      .rst_a(RSTRAMARSTRAM ^ IS_RSTRAMARSTRAM_INVERTED), .rst_b(RSTRAMB ^ IS_RSTRAMB_INVERTED),
      .address_a({1'b0, ADDRARDADDR}), .address_b({1'b0, ADDRBWRADDR}),
      .in_a({DIPADIP, DIADI}), .in_b({DIPBDIP, DIBDI}), .we_a(WEA), .we_b(WEBWE),
      .out_a({DOPADOP, DOADO}), .out_b({DOPBDOP, DOBDO})
  );

endmodule

module RAMB36E1 #(
    parameter [255:0] INITP_00 = 256'd0,
    parameter [255:0] INITP_01 = 256'd0,
    parameter [255:0] INITP_02 = 256'd0,
    parameter [255:0] INITP_03 = 256'd0,
    parameter [255:0] INITP_04 = 256'd0,
    parameter [255:0] INITP_05 = 256'd0,
    parameter [255:0] INITP_06 = 256'd0,
    parameter [255:0] INITP_07 = 256'd0,
    parameter [255:0] INITP_08 = 256'd0,
    parameter [255:0] INITP_09 = 256'd0,
    parameter [255:0] INITP_0A = 256'd0,
    parameter [255:0] INITP_0B = 256'd0,
    parameter [255:0] INITP_0C = 256'd0,
    parameter [255:0] INITP_0D = 256'd0,
    parameter [255:0] INITP_0E = 256'd0,
    parameter [255:0] INITP_0F = 256'd0,
    parameter [255:0] INIT_00 = 256'd0,
    parameter [255:0] INIT_01 = 256'd0,
    parameter [255:0] INIT_02 = 256'd0,
    parameter [255:0] INIT_03 = 256'd0,
    parameter [255:0] INIT_04 = 256'd0,
    parameter [255:0] INIT_05 = 256'd0,
    parameter [255:0] INIT_06 = 256'd0,
    parameter [255:0] INIT_07 = 256'd0,
    parameter [255:0] INIT_08 = 256'd0,
    parameter [255:0] INIT_09 = 256'd0,
    parameter [255:0] INIT_0A = 256'd0,
    parameter [255:0] INIT_0B = 256'd0,
    parameter [255:0] INIT_0C = 256'd0,
    parameter [255:0] INIT_0D = 256'd0,
    parameter [255:0] INIT_0E = 256'd0,
    parameter [255:0] INIT_0F = 256'd0,
    parameter [255:0] INIT_10 = 256'd0,
    parameter [255:0] INIT_11 = 256'd0,
    parameter [255:0] INIT_12 = 256'd0,
    parameter [255:0] INIT_13 = 256'd0,
    parameter [255:0] INIT_14 = 256'd0,
    parameter [255:0] INIT_15 = 256'd0,
    parameter [255:0] INIT_16 = 256'd0,
    parameter [255:0] INIT_17 = 256'd0,
    parameter [255:0] INIT_18 = 256'd0,
    parameter [255:0] INIT_19 = 256'd0,
    parameter [255:0] INIT_1A = 256'd0,
    parameter [255:0] INIT_1B = 256'd0,
    parameter [255:0] INIT_1C = 256'd0,
    parameter [255:0] INIT_1D = 256'd0,
    parameter [255:0] INIT_1E = 256'd0,
    parameter [255:0] INIT_1F = 256'd0,
    parameter [255:0] INIT_20 = 256'd0,
    parameter [255:0] INIT_21 = 256'd0,
    parameter [255:0] INIT_22 = 256'd0,
    parameter [255:0] INIT_23 = 256'd0,
    parameter [255:0] INIT_24 = 256'd0,
    parameter [255:0] INIT_25 = 256'd0,
    parameter [255:0] INIT_26 = 256'd0,
    parameter [255:0] INIT_27 = 256'd0,
    parameter [255:0] INIT_28 = 256'd0,
    parameter [255:0] INIT_29 = 256'd0,
    parameter [255:0] INIT_2A = 256'd0,
    parameter [255:0] INIT_2B = 256'd0,
    parameter [255:0] INIT_2C = 256'd0,
    parameter [255:0] INIT_2D = 256'd0,
    parameter [255:0] INIT_2E = 256'd0,
    parameter [255:0] INIT_2F = 256'd0,
    parameter [255:0] INIT_30 = 256'd0,
    parameter [255:0] INIT_31 = 256'd0,
    parameter [255:0] INIT_32 = 256'd0,
    parameter [255:0] INIT_33 = 256'd0,
    parameter [255:0] INIT_34 = 256'd0,
    parameter [255:0] INIT_35 = 256'd0,
    parameter [255:0] INIT_36 = 256'd0,
    parameter [255:0] INIT_37 = 256'd0,
    parameter [255:0] INIT_38 = 256'd0,
    parameter [255:0] INIT_39 = 256'd0,
    parameter [255:0] INIT_3A = 256'd0,
    parameter [255:0] INIT_3B = 256'd0,
    parameter [255:0] INIT_3C = 256'd0,
    parameter [255:0] INIT_3D = 256'd0,
    parameter [255:0] INIT_3E = 256'd0,
    parameter [255:0] INIT_3F = 256'd0,
    parameter [255:0] INIT_40 = 256'd0,
    parameter [255:0] INIT_41 = 256'd0,
    parameter [255:0] INIT_42 = 256'd0,
    parameter [255:0] INIT_43 = 256'd0,
    parameter [255:0] INIT_44 = 256'd0,
    parameter [255:0] INIT_45 = 256'd0,
    parameter [255:0] INIT_46 = 256'd0,
    parameter [255:0] INIT_47 = 256'd0,
    parameter [255:0] INIT_48 = 256'd0,
    parameter [255:0] INIT_49 = 256'd0,
    parameter [255:0] INIT_4A = 256'd0,
    parameter [255:0] INIT_4B = 256'd0,
    parameter [255:0] INIT_4C = 256'd0,
    parameter [255:0] INIT_4D = 256'd0,
    parameter [255:0] INIT_4E = 256'd0,
    parameter [255:0] INIT_4F = 256'd0,
    parameter [255:0] INIT_50 = 256'd0,
    parameter [255:0] INIT_51 = 256'd0,
    parameter [255:0] INIT_52 = 256'd0,
    parameter [255:0] INIT_53 = 256'd0,
    parameter [255:0] INIT_54 = 256'd0,
    parameter [255:0] INIT_55 = 256'd0,
    parameter [255:0] INIT_56 = 256'd0,
    parameter [255:0] INIT_57 = 256'd0,
    parameter [255:0] INIT_58 = 256'd0,
    parameter [255:0] INIT_59 = 256'd0,
    parameter [255:0] INIT_5A = 256'd0,
    parameter [255:0] INIT_5B = 256'd0,
    parameter [255:0] INIT_5C = 256'd0,
    parameter [255:0] INIT_5D = 256'd0,
    parameter [255:0] INIT_5E = 256'd0,
    parameter [255:0] INIT_5F = 256'd0,
    parameter [255:0] INIT_60 = 256'd0,
    parameter [255:0] INIT_61 = 256'd0,
    parameter [255:0] INIT_62 = 256'd0,
    parameter [255:0] INIT_63 = 256'd0,
    parameter [255:0] INIT_64 = 256'd0,
    parameter [255:0] INIT_65 = 256'd0,
    parameter [255:0] INIT_66 = 256'd0,
    parameter [255:0] INIT_67 = 256'd0,
    parameter [255:0] INIT_68 = 256'd0,
    parameter [255:0] INIT_69 = 256'd0,
    parameter [255:0] INIT_6A = 256'd0,
    parameter [255:0] INIT_6B = 256'd0,
    parameter [255:0] INIT_6C = 256'd0,
    parameter [255:0] INIT_6D = 256'd0,
    parameter [255:0] INIT_6E = 256'd0,
    parameter [255:0] INIT_6F = 256'd0,
    parameter [255:0] INIT_70 = 256'd0,
    parameter [255:0] INIT_71 = 256'd0,
    parameter [255:0] INIT_72 = 256'd0,
    parameter [255:0] INIT_73 = 256'd0,
    parameter [255:0] INIT_74 = 256'd0,
    parameter [255:0] INIT_75 = 256'd0,
    parameter [255:0] INIT_76 = 256'd0,
    parameter [255:0] INIT_77 = 256'd0,
    parameter [255:0] INIT_78 = 256'd0,
    parameter [255:0] INIT_79 = 256'd0,
    parameter [255:0] INIT_7A = 256'd0,
    parameter [255:0] INIT_7B = 256'd0,
    parameter [255:0] INIT_7C = 256'd0,
    parameter [255:0] INIT_7D = 256'd0,
    parameter [255:0] INIT_7E = 256'd0,
    parameter [255:0] INIT_7F = 256'd0,
    parameter [35:0] INIT_A = 36'd0,
    parameter [35:0] INIT_B = 36'd0,
    parameter [35:0] SRVAL_A = 36'd0,
    parameter [35:0] SRVAL_B = 36'd0,
    parameter RAM_MODE = "TDP",
    parameter READ_WIDTH_A = 0,
    parameter READ_WIDTH_B = 0,
    parameter WRITE_WIDTH_A = 0,
    parameter WRITE_WIDTH_B = 0,
    parameter WRITE_MODE_A = "WRITE_FIRST",
    parameter WRITE_MODE_B = "WRITE_FIRST",
    parameter DOA_REG = 0,
    parameter DOB_REG = 0,
    parameter RAM_EXTENSION_A = "NONE",
    parameter RAM_EXTENSION_B = "NONE",
    parameter [0:0] IS_CLKARDCLK_INVERTED = 1'b0,
    parameter [0:0] IS_CLKBWRCLK_INVERTED = 1'b0,
    parameter [0:0] IS_ENARDEN_INVERTED = 1'b0,
    parameter [0:0] IS_ENBWREN_INVERTED = 1'b0,
    parameter [0:0] IS_RSTRAMARSTRAM_INVERTED = 1'b0,
    parameter [0:0] IS_RSTRAMB_INVERTED = 1'b0,
    parameter [0:0] IS_RSTREGARSTREG_INVERTED = 1'b0,
    parameter [0:0] IS_RSTREGB_INVERTED = 1'b0
) (
    input wire CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
    input wire RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
    input wire [15:0] ADDRARDADDR, ADDRBWRADDR,
    input wire [31:0] DIADI, DIBDI,
    input wire [3:0] DIPADIP, DIPBDIP,
    input wire [3:0] WEA,
    input wire [7:0] WEBWE,
    input wire CASCADEINA, CASCADEINB, INJECTDBITERR, INJECTSBITERR,
    output wire [31:0] DOADO, DOBDO,
    output wire [3:0] DOPADOP, DOPBDOP
);

  xc7_block #(
      .HALF(32), .PLAIN(DOA_REG == 0 && DOB_REG == 0 && RAM_EXTENSION_A == "NONE" && RAM_EXTENSION_B == "NONE"), .RAM_MODE(RAM_MODE), .INIT_A(INIT_A), .INIT_B(INIT_B), .SRVAL_A(SRVAL_A), .SRVAL_B(SRVAL_B),
      .READ_WIDTH_A(READ_WIDTH_A), .READ_WIDTH_B(READ_WIDTH_B), .WRITE_WIDTH_A(WRITE_WIDTH_A),
      .WRITE_WIDTH_B(WRITE_WIDTH_B), .WRITE_MODE_A(WRITE_MODE_A), .WRITE_MODE_B(WRITE_MODE_B),
      .DATA({
          INIT_7F, INIT_7E, INIT_7D, INIT_7C, INIT_7B, INIT_7A, INIT_79, INIT_78,
          INIT_77, INIT_76, INIT_75, INIT_74, INIT_73, INIT_72, INIT_71, INIT_70,
          INIT_6F, INIT_6E, INIT_6D, INIT_6C, INIT_6B, INIT_6A, INIT_69, INIT_68,
          INIT_67, INIT_66, INIT_65, INIT_64, INIT_63, INIT_62, INIT_61, INIT_60,
          INIT_5F, INIT_5E, INIT_5D, INIT_5C, INIT_5B, INIT_5A, INIT_59, INIT_58,
          INIT_57, INIT_56, INIT_55, INIT_54, INIT_53, INIT_52, INIT_51, INIT_50,
          INIT_4F, INIT_4E, INIT_4D, INIT_4C, INIT_4B, INIT_4A, INIT_49, INIT_48,
          INIT_47, INIT_46, INIT_45, INIT_44, INIT_43, INIT_42, INIT_41, INIT_40,
          INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38,
          INIT_37, INIT_36, INIT_35, INIT_34, INIT_33, INIT_32, INIT_31, INIT_30,
          INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
          INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20,
          INIT_1F, INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18,
          INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12, INIT_11, INIT_10,
          INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08,
          INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00
      }), .PARITY({
          INITP_0F, INITP_0E, INITP_0D, INITP_0C, INITP_0B, INITP_0A, INITP_09, INITP_08,
          INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00
      })
  ) u_block (
      .clk_a(CLKARDCLK ^ IS_CLKARDCLK_INVERTED), .clk_b(CLKBWRCLK ^ IS_CLKBWRCLK_INVERTED),
      .en_a(ENARDEN ^ IS_ENARDEN_INVERTED), .en_b(ENBWREN ^ IS_ENBWREN_INVERTED),
      .rst_a(RSTRAMARSTRAM ^ IS_RSTRAMARSTRAM_INVERTED), .rst_b(RSTRAMB ^ IS_RSTRAMB_INVERTED),
      .address_a(ADDRARDADDR[14:0]), .address_b(ADDRBWRADDR[14:0]),
      .in_a({DIPADIP, DIADI}), .in_b({DIPBDIP, DIBDI}), .we_a(WEA), .we_b(WEBWE),
      .out_a({DOPADOP, DOADO}), .out_b({DOPBDOP, DOBDO})
  );

endmodule

`default_nettype wire
