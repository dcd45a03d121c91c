// SPDX-License-Identifier: MIT OR Apache-2.0
// What an ECP5 block RAM does, as far as Yosys uses it: for simulating netlists, whose own library has a black box.
//
// 1024 words of 18 bits, each two bytes of 9; ports of 1, 2 or 4 bits skip every ninth bit. Port B of 36 bits reads
// two words, the lower through DOA; port A of 36 bits writes two, the upper from DIB. Word i lies in INITVAL at bit
// 20 * i. (Layout: Yosys' techlib lattice/brams_map_16kd.v; behaviour: Lattice FPGA-TN-02204.)
`default_nettype none

/* verilator lint_off DECLFILENAME */
module DP16KD #(
    parameter DATA_WIDTH_A = 18, parameter DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", parameter REGMODE_B = "NOREG",
    parameter RESETMODE = "SYNC", parameter ASYNC_RESET_RELEASE = "SYNC",
    parameter CSDECODE_A = "0b000", parameter CSDECODE_B = "0b000",
    parameter WRITEMODE_A = "NORMAL", parameter WRITEMODE_B = "NORMAL",
    parameter CLKAMUX = "CLKA", parameter CLKBMUX = "CLKB",
    parameter GSR = "ENABLED", parameter WID = 0,
        parameter [319:0] INITVAL_00 = 320'd0, parameter [319:0] INITVAL_01 = 320'd0, parameter [319:0] INITVAL_02 =
        320'd0, parameter [319:0] INITVAL_03 = 320'd0,
        parameter [319:0] INITVAL_04 = 320'd0, parameter [319:0] INITVAL_05 = 320'd0, parameter [319:0] INITVAL_06 =
        320'd0, parameter [319:0] INITVAL_07 = 320'd0,
        parameter [319:0] INITVAL_08 = 320'd0, parameter [319:0] INITVAL_09 = 320'd0, parameter [319:0] INITVAL_0A =
        320'd0, parameter [319:0] INITVAL_0B = 320'd0,
        parameter [319:0] INITVAL_0C = 320'd0, parameter [319:0] INITVAL_0D = 320'd0, parameter [319:0] INITVAL_0E =
        320'd0, parameter [319:0] INITVAL_0F = 320'd0,
        parameter [319:0] INITVAL_10 = 320'd0, parameter [319:0] INITVAL_11 = 320'd0, parameter [319:0] INITVAL_12 =
        320'd0, parameter [319:0] INITVAL_13 = 320'd0,
        parameter [319:0] INITVAL_14 = 320'd0, parameter [319:0] INITVAL_15 = 320'd0, parameter [319:0] INITVAL_16 =
        320'd0, parameter [319:0] INITVAL_17 = 320'd0,
        parameter [319:0] INITVAL_18 = 320'd0, parameter [319:0] INITVAL_19 = 320'd0, parameter [319:0] INITVAL_1A =
        320'd0, parameter [319:0] INITVAL_1B = 320'd0,
        parameter [319:0] INITVAL_1C = 320'd0, parameter [319:0] INITVAL_1D = 320'd0, parameter [319:0] INITVAL_1E =
        320'd0, parameter [319:0] INITVAL_1F = 320'd0,
        parameter [319:0] INITVAL_20 = 320'd0, parameter [319:0] INITVAL_21 = 320'd0, parameter [319:0] INITVAL_22 =
        320'd0, parameter [319:0] INITVAL_23 = 320'd0,
        parameter [319:0] INITVAL_24 = 320'd0, parameter [319:0] INITVAL_25 = 320'd0, parameter [319:0] INITVAL_26 =
        320'd0, parameter [319:0] INITVAL_27 = 320'd0,
        parameter [319:0] INITVAL_28 = 320'd0, parameter [319:0] INITVAL_29 = 320'd0, parameter [319:0] INITVAL_2A =
        320'd0, parameter [319:0] INITVAL_2B = 320'd0,
        parameter [319:0] INITVAL_2C = 320'd0, parameter [319:0] INITVAL_2D = 320'd0, parameter [319:0] INITVAL_2E =
        320'd0, parameter [319:0] INITVAL_2F = 320'd0,
        parameter [319:0] INITVAL_30 = 320'd0, parameter [319:0] INITVAL_31 = 320'd0, parameter [319:0] INITVAL_32 =
        320'd0, parameter [319:0] INITVAL_33 = 320'd0,
        parameter [319:0] INITVAL_34 = 320'd0, parameter [319:0] INITVAL_35 = 320'd0, parameter [319:0] INITVAL_36 =
        320'd0, parameter [319:0] INITVAL_37 = 320'd0,
        parameter [319:0] INITVAL_38 = 320'd0, parameter [319:0] INITVAL_39 = 320'd0, parameter [319:0] INITVAL_3A =
        320'd0, parameter [319:0] INITVAL_3B = 320'd0,
        parameter [319:0] INITVAL_3C = 320'd0, parameter [319:0] INITVAL_3D = 320'd0, parameter [319:0] INITVAL_3E =
        320'd0, parameter [319:0] INITVAL_3F = 320'd0
) (
        input  wire DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3,
        DIA2, DIA1, DIA0,
    input  wire ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input  wire CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
        output wire DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3,
        DOA2, DOA1, DOA0,
        input  wire DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3,
        DIB2, DIB1, DIB0,
    input  wire ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input  wire CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
        output wire DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3,
        DOB2, DOB1, DOB0
);

    wire [17:0] di_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
      DIA3, DIA2, DIA1, DIA0};
  wire [13:0] ad_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire        clk_a = CLKAMUX == "INV" ? !CLKA : CLKA;
    wire [17:0] di_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
      DIB3, DIB2, DIB1, DIB0};
  wire [13:0] ad_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire        clk_b = CLKBMUX == "INV" ? !CLKB : CLKB;
    localparam [20479:0] INITIAL = {INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A,
      INITVAL_39, INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31,
      INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
      INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F,
      INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
      INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E, INITVAL_0D,
      INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04,
      INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};

  reg [8:0] bytes [0:2047];                // an even one is the lower half of its word
  integer i;
  initial
    for (i = 0; i < 1024; i = i + 1) begin
      bytes[2*i]   = INITIAL[20*i+:9];
      bytes[2*i+1] = INITIAL[20*i+9+:9];
    end

  // The bytes that an address of a port of this width begins at.
  function [10:0] first(input integer width, input [13:0] address);
    first = width == 36 ? {address[13:5], 2'd0} : width == 18 ? {address[13:4], 1'd0} : address[13:3];
  endfunction

  // What a port of at most 9 bits reads of its byte.
  function [8:0] narrow(input integer width, input [13:0] address, input [8:0] content);
    case (width)
      1: narrow = {8'd0, content[{1'b0, address[2:0]}]};
      2: narrow = {7'd0, content[{1'b0, address[2:1], 1'b0}+:2]};
      4: narrow = {5'd0, content[{1'b0, address[2], 2'b00}+:4]};
      default: narrow = content;
    endcase
  endfunction

  // A byte after a port of at most 9 bits has written to it.
  function [8:0] merged(input integer width, input [13:0] address, input [8:0] content, input [8:0] data);
    begin
      merged = content;
      case (width)
        1: merged[{1'b0, address[2:0]}] = data[0];
        2: merged[{1'b0, address[2:1], 1'b0}+:2] = data[1:0];
        4: merged[{1'b0, address[2], 2'b00}+:4] = data[3:0];
        default: merged = data;
      endcase
    end
  endfunction

  wire [10:0] at_a = first(DATA_WIDTH_A, ad_a);
  wire        write_a = CEA && WEA && !RSTA;
  reg  [35:0] read_a, out_a;
  always @(posedge clk_a) begin
    if (CEA && (!WEA || WRITEMODE_A == "READBEFOREWRITE"))
      read_a <= DATA_WIDTH_A >= 18 ? {bytes[at_a|3], bytes[at_a|2], bytes[at_a|1], bytes[at_a]}
                                   : {27'd0, narrow(DATA_WIDTH_A, ad_a, bytes[at_a])};
    if (write_a) begin
      if (DATA_WIDTH_A == 36) begin
        if (ad_a[0]) bytes[at_a]   <= di_a[8:0];
        if (ad_a[1]) bytes[at_a|1] <= di_a[17:9];
        if (ad_a[2]) bytes[at_a|2] <= di_b[8:0];
        if (ad_a[3]) bytes[at_a|3] <= di_b[17:9];
      end else if (DATA_WIDTH_A == 18) begin
        if (ad_a[0]) bytes[at_a]   <= di_a[8:0];
        if (ad_a[1]) bytes[at_a|1] <= di_a[17:9];
      end else bytes[at_a] <= merged(DATA_WIDTH_A, ad_a, bytes[at_a], di_a[8:0]);
      if (WRITEMODE_A == "WRITETHROUGH") read_a <= {18'd0, di_a};
    end
    if (RSTA) read_a <= 36'd0;
    if (OCEA) out_a <= read_a;
    if (RSTA) out_a <= 36'd0;
  end
  wire [35:0] do_a = REGMODE_A == "OUTREG" ? out_a : read_a;

  wire [10:0] at_b = first(DATA_WIDTH_B, ad_b);
  wire        write_b = CEB && WEB && !RSTB;
  reg  [35:0] read_b, out_b;
  always @(posedge clk_b) begin
    if (CEB && (!WEB || WRITEMODE_B == "READBEFOREWRITE"))
      read_b <= DATA_WIDTH_B >= 18 ? {bytes[at_b|3], bytes[at_b|2], bytes[at_b|1], bytes[at_b]}
                                   : {27'd0, narrow(DATA_WIDTH_B, ad_b, bytes[at_b])};
    if (write_b) begin
      if (DATA_WIDTH_B == 36) begin
        if (ad_b[0]) bytes[at_b]   <= di_a[8:0];
        if (ad_b[1]) bytes[at_b|1] <= di_a[17:9];
        if (ad_b[2]) bytes[at_b|2] <= di_b[8:0];
        if (ad_b[3]) bytes[at_b|3] <= di_b[17:9];
      end else if (DATA_WIDTH_B == 18) begin
        if (ad_b[0]) bytes[at_b]   <= di_b[8:0];
        if (ad_b[1]) bytes[at_b|1] <= di_b[17:9];
      end else bytes[at_b] <= merged(DATA_WIDTH_B, ad_b, bytes[at_b], di_b[8:0]);
      if (WRITEMODE_B == "WRITETHROUGH") read_b <= {18'd0, di_b};
    end
    if (RSTB) read_b <= 36'd0;
    if (OCEB) out_b <= read_b;
    if (RSTB) out_b <= 36'd0;
  end
  wire [35:0] do_b = REGMODE_B == "OUTREG" ? out_b : read_b;

    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
      DOA1, DOA0} = DATA_WIDTH_B == 36 ? do_b[17:0] : do_a[17:0];
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
      DOB1, DOB0} = DATA_WIDTH_B == 36 ? do_b[35:18] : do_b[17:0];

endmodule

`default_nettype wire
