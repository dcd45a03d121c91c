// SPDX-License-Identifier: MIT OR Apache-2.0
// What ECP5's block RAM and multiplier do, for simulating netlists: Yosys' own models of them are empty.
//
// DP16KD holds 1024 words of 18 bits, two bytes of nine each. Ports of one, two or four bits reach eight bits of a byte;
// a port of 36 bits writes at A and reads at B, its low half on the A pins. INITVAL_xx holds 16 words, 20 bits apart.
`default_nettype none
/* verilator lint_off DECLFILENAME */

module DP16KD #(
    parameter DATA_WIDTH_A = 18,
    parameter DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG",
    parameter REGMODE_B = "NOREG",
    parameter WRITEMODE_A = "NORMAL",
    parameter WRITEMODE_B = "NORMAL",
    parameter CLKAMUX = "CLKA",
    parameter CLKBMUX = "CLKB",
    parameter RESETMODE = "SYNC",
    parameter ASYNC_RESET_RELEASE = "SYNC",
    parameter CSDECODE_A = "0b000",
    parameter CSDECODE_B = "0b000",
    parameter GSR = "ENABLED",
    parameter [319:0] INITVAL_00 = 320'd0,
    parameter [319:0] INITVAL_01 = 320'd0,
    parameter [319:0] INITVAL_02 = 320'd0,
    parameter [319:0] INITVAL_03 = 320'd0,
    parameter [319:0] INITVAL_04 = 320'd0,
    parameter [319:0] INITVAL_05 = 320'd0,
    parameter [319:0] INITVAL_06 = 320'd0,
    parameter [319:0] INITVAL_07 = 320'd0,
    parameter [319:0] INITVAL_08 = 320'd0,
    parameter [319:0] INITVAL_09 = 320'd0,
    parameter [319:0] INITVAL_0A = 320'd0,
    parameter [319:0] INITVAL_0B = 320'd0,
    parameter [319:0] INITVAL_0C = 320'd0,
    parameter [319:0] INITVAL_0D = 320'd0,
    parameter [319:0] INITVAL_0E = 320'd0,
    parameter [319:0] INITVAL_0F = 320'd0,
    parameter [319:0] INITVAL_10 = 320'd0,
    parameter [319:0] INITVAL_11 = 320'd0,
    parameter [319:0] INITVAL_12 = 320'd0,
    parameter [319:0] INITVAL_13 = 320'd0,
    parameter [319:0] INITVAL_14 = 320'd0,
    parameter [319:0] INITVAL_15 = 320'd0,
    parameter [319:0] INITVAL_16 = 320'd0,
    parameter [319:0] INITVAL_17 = 320'd0,
    parameter [319:0] INITVAL_18 = 320'd0,
    parameter [319:0] INITVAL_19 = 320'd0,
    parameter [319:0] INITVAL_1A = 320'd0,
    parameter [319:0] INITVAL_1B = 320'd0,
    parameter [319:0] INITVAL_1C = 320'd0,
    parameter [319:0] INITVAL_1D = 320'd0,
    parameter [319:0] INITVAL_1E = 320'd0,
    parameter [319:0] INITVAL_1F = 320'd0,
    parameter [319:0] INITVAL_20 = 320'd0,
    parameter [319:0] INITVAL_21 = 320'd0,
    parameter [319:0] INITVAL_22 = 320'd0,
    parameter [319:0] INITVAL_23 = 320'd0,
    parameter [319:0] INITVAL_24 = 320'd0,
    parameter [319:0] INITVAL_25 = 320'd0,
    parameter [319:0] INITVAL_26 = 320'd0,
    parameter [319:0] INITVAL_27 = 320'd0,
    parameter [319:0] INITVAL_28 = 320'd0,
    parameter [319:0] INITVAL_29 = 320'd0,
    parameter [319:0] INITVAL_2A = 320'd0,
    parameter [319:0] INITVAL_2B = 320'd0,
    parameter [319:0] INITVAL_2C = 320'd0,
    parameter [319:0] INITVAL_2D = 320'd0,
    parameter [319:0] INITVAL_2E = 320'd0,
    parameter [319:0] INITVAL_2F = 320'd0,
    parameter [319:0] INITVAL_30 = 320'd0,
    parameter [319:0] INITVAL_31 = 320'd0,
    parameter [319:0] INITVAL_32 = 320'd0,
    parameter [319:0] INITVAL_33 = 320'd0,
    parameter [319:0] INITVAL_34 = 320'd0,
    parameter [319:0] INITVAL_35 = 320'd0,
    parameter [319:0] INITVAL_36 = 320'd0,
    parameter [319:0] INITVAL_37 = 320'd0,
    parameter [319:0] INITVAL_38 = 320'd0,
    parameter [319:0] INITVAL_39 = 320'd0,
    parameter [319:0] INITVAL_3A = 320'd0,
    parameter [319:0] INITVAL_3B = 320'd0,
    parameter [319:0] INITVAL_3C = 320'd0,
    parameter [319:0] INITVAL_3D = 320'd0,
    parameter [319:0] INITVAL_3E = 320'd0,
    parameter [319:0] INITVAL_3F = 320'd0
) (
    input wire DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3,
        DIA2, DIA1, DIA0,
    input wire ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input wire CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output wire DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4,
        DOA3, DOA2, DOA1, DOA0,
    input wire DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3,
        DIB2, DIB1, DIB0,
    input wire ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input wire CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output wire DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4,
        DOB3, DOB2, DOB1, DOB0
);

  wire [17:0] di_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
      DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [13:0] ad_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [17:0] di_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
      DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [13:0] ad_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire clk_a = CLKAMUX == "INV" ? !CLKA : CLKA;
  wire clk_b = CLKBMUX == "INV" ? !CLKB : CLKB;
  wire on_a = CEA && {CSA2, CSA1, CSA0} == 3'd0;
  wire on_b = CEB && {CSB2, CSB1, CSB0} == 3'd0;

  reg [17:0] mem[0:1023];
  reg [35:0] read_a, read_b, held_a, held_b;

  wire [64*320-1:0] image = {
      INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
      INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
      INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
      INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
      INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
      INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
      INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
      INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
  };
  integer row;
  initial begin
    for (row = 0; row < 1024; row = row + 1) mem[row] = image[20*row+:18];
    read_a = 36'd0;
    read_b = 36'd0;
    held_a = 36'd0;
    held_b = 36'd0;
  end

  function [35:0] get(input [31:0] width, input [13:0] address, input [17:0] even, input [17:0] odd);
    reg [17:0] word;
    reg [8:0] half;
    begin
      word = address[4] ? odd : even;
      half = address[3] ? word[17:9] : word[8:0];
      case (width)
        36: get = {odd, even};
        18: get = {18'd0, word};
        9: get = {27'd0, half};
        4: get = {32'd0, address[2] ? half[7:4] : half[3:0]};
        2: get = {34'd0, half[{1'b0, address[2:1], 1'b0}+:2]};
        default: get = {35'd0, half[{1'b0, address[2:0]}]};
      endcase
    end
  endfunction

  function [17:0] put(input [31:0] width, input [13:0] address, input [17:0] word, input [17:0] value);
    begin
      put = word;
      case (width)
        18: begin
          if (address[0]) put[8:0] = value[8:0];
          if (address[1]) put[17:9] = value[17:9];
        end
        9: put[9*address[3]+:9] = value[8:0];
        4: put[9*address[3]+4*address[2]+:4] = value[3:0];
        2: put[9*address[3]+2*address[2:1]+:2] = value[1:0];
        default: put[9*address[3]+address[2:0]] = value[0];
      endcase
    end
  endfunction

  always @(posedge clk_a) begin
    if (on_a) begin
      if (!WEA || WRITEMODE_A == "READBEFOREWRITE")
        read_a <= get(DATA_WIDTH_A, ad_a, mem[{ad_a[13:5], 1'b0}], mem[{ad_a[13:5], 1'b1}]);
      else if (WRITEMODE_A == "WRITETHROUGH") read_a <= {18'd0, di_a};
      if (WEA) begin
        if (DATA_WIDTH_A == 36) begin
          mem[{ad_a[13:5], 1'b0}] <= put(18, {12'd0, ad_a[1:0]}, mem[{ad_a[13:5], 1'b0}], di_a);
          mem[{ad_a[13:5], 1'b1}] <= put(18, {12'd0, ad_a[3:2]}, mem[{ad_a[13:5], 1'b1}], di_b);
        end else begin
          mem[ad_a[13:4]] <= put(DATA_WIDTH_A, ad_a, mem[ad_a[13:4]], di_a);
        end
      end
    end
    if (OCEA) held_a <= read_a;
    if (RSTA) begin
      read_a <= 36'd0;
      held_a <= 36'd0;
    end
  end

  always @(posedge clk_b) begin
    if (on_b) begin
      if (!WEB || WRITEMODE_B == "READBEFOREWRITE")
        read_b <= get(DATA_WIDTH_B, ad_b, mem[{ad_b[13:5], 1'b0}], mem[{ad_b[13:5], 1'b1}]);
      else if (WRITEMODE_B == "WRITETHROUGH") read_b <= {18'd0, di_b};
      if (WEB) begin
        mem[ad_b[13:4]] <= put(DATA_WIDTH_B, ad_b, mem[ad_b[13:4]], di_b);
      end
    end
    if (OCEB) held_b <= read_b;
    if (RSTB) begin
      read_b <= 36'd0;
      held_b <= 36'd0;
    end
  end

  wire [35:0] out_a = REGMODE_A == "OUTREG" ? held_a : read_a;
  wire [35:0] out_b = REGMODE_B == "OUTREG" ? held_b : read_b;

  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3,
      DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? out_b[17:0] : out_a[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3,
      DOB2, DOB1, DOB0} = DATA_WIDTH_B == 36 ? out_b[35:18] : out_b[17:0];

endmodule

// Registers of one clock, enable and reset; the first three stages of a block: operands, product, product.
module MULT18X18D #(
    parameter REG_INPUTA_CLK   = "NONE",
    parameter REG_INPUTB_CLK   = "NONE",
    parameter REG_PIPELINE_CLK = "NONE",
    parameter REG_OUTPUT_CLK   = "NONE",
    parameter REG_INPUTA_CE    = "CE0",
    parameter REG_INPUTB_CE    = "CE0",
    parameter REG_PIPELINE_CE  = "CE0",
    parameter REG_OUTPUT_CE    = "CE0",
    parameter REG_INPUTA_RST   = "RST0",
    parameter REG_INPUTB_RST   = "RST0",
    parameter REG_PIPELINE_RST = "RST0",
    parameter REG_OUTPUT_RST   = "RST0",
    parameter RESETMODE        = "SYNC",
    parameter GSR              = "ENABLED"
) (
    input wire A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input wire B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input wire C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input wire SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
    output wire P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17,
        P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);

  wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  reg [17:0] a_q, b_q;
  reg [35:0] inner_q, outer_q;
  wire [17:0] a_in = REG_INPUTA_CLK == "NONE" ? a : a_q;
  wire [17:0] b_in = REG_INPUTB_CLK == "NONE" ? b : b_q;
  wire signed [36:0] left = {{19{SIGNEDA && a_in[17]}}, a_in};
  wire signed [36:0] right = {{19{SIGNEDB && b_in[17]}}, b_in};
  wire signed [36:0] full = left * right;
  wire [35:0] inner = REG_PIPELINE_CLK == "NONE" ? full[35:0] : inner_q;
  wire [35:0] product = REG_OUTPUT_CLK == "NONE" ? inner : outer_q;

  always @(posedge CLK0) begin
    if (CE0) begin
      a_q <= a;
      b_q <= b;
      inner_q <= full[35:0];
      outer_q <= inner;
    end
    if (RST0) begin
      a_q <= 18'd0;
      b_q <= 18'd0;
      inner_q <= 36'd0;
      outer_q <= 36'd0;
    end
  end

  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16,
      P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = product;

endmodule

`default_nettype wire
