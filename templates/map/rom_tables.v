// SPDX-License-Identifier: MIT OR Apache-2.0
// A map for Yosys: a memory with one port to read and none to write, which was left to logic, is taken apart into tables,
// one for each bit of a word. As expressions they would come out of ABC twice as large. Of no use where a lookup table of four
// inputs holds a bit of all words.

(* techmap_celltype = "$mem_v2" *)
module rom_tables (RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);

  parameter        MEMID                  = "";
  parameter        SIZE                   = 64;
  parameter        OFFSET                 = 0;
  parameter        ABITS                  = 6;
  parameter        WIDTH                  = 1;
  parameter        INIT                   = 64'd0;
  parameter        RD_PORTS               = 1;
  parameter        RD_CLK_ENABLE          = 1'b1;
  parameter        RD_CLK_POLARITY        = 1'b1;
  parameter        RD_TRANSPARENCY_MASK   = 1'b0;
  parameter        RD_COLLISION_X_MASK    = 1'b0;
  parameter        RD_WIDE_CONTINUATION   = 1'b0;
  parameter        RD_CE_OVER_SRST        = 1'b0;
  parameter        RD_ARST_VALUE          = 1'b0;
  parameter        RD_SRST_VALUE          = 1'b0;
  parameter        RD_INIT_VALUE          = 1'bx;
  parameter        WR_PORTS               = 0;
  parameter        WR_CLK_ENABLE          = 1'b0;
  parameter        WR_CLK_POLARITY        = 1'b0;
  parameter        WR_PRIORITY_MASK       = 1'b0;
  parameter        WR_WIDE_CONTINUATION   = 1'b0;
  parameter        _TECHMAP_CONSTMSK_RD_ARST_ = 1'b0;
  parameter        _TECHMAP_CONSTVAL_RD_ARST_ = 1'b0;
  parameter        _TECHMAP_CONSTMSK_RD_SRST_ = 1'b0;
  parameter        _TECHMAP_CONSTVAL_RD_SRST_ = 1'b0;

  input  [RD_PORTS-1:0]       RD_CLK, RD_EN, RD_ARST, RD_SRST;
  input  [RD_PORTS*ABITS-1:0] RD_ADDR;
  output [RD_PORTS*WIDTH-1:0] RD_DATA;
  input                       WR_CLK, WR_EN, WR_ADDR, WR_DATA;

  wire _TECHMAP_FAIL_ = OFFSET != 0 || RD_CLK_POLARITY !== 1'b1 || RD_INIT_VALUE !== {WIDTH{1'bx}}
      || _TECHMAP_CONSTMSK_RD_ARST_ !== 1'b1 || _TECHMAP_CONSTVAL_RD_ARST_ !== 1'b0
      || _TECHMAP_CONSTMSK_RD_SRST_ !== 1'b1 || _TECHMAP_CONSTVAL_RD_SRST_ !== 1'b0;

`ifdef XC7
  localparam DEPTH = 64;                             // words of a table
`else
  localparam DEPTH = 16;
`endif
`ifdef ECP5
  // Four tables are one with two more inputs, of which a quarter alone cannot be left out.
  localparam LEAST  = (SIZE + DEPTH - 1) / DEPTH;
  localparam TABLES = (LEAST % 4 == 3) ? LEAST + 1 : LEAST;
`else
  localparam TABLES = (SIZE + DEPTH - 1) / DEPTH;
`endif
  localparam [DEPTH*TABLES*WIDTH-1:0] WORDS = INIT;
  localparam [WIDTH-1:0]              FIRST = 1;
  localparam [SIZE*WIDTH-1:0]         BIT_0 = {SIZE{FIRST}};

  wire [WIDTH-1:0] word;

  genvar i, t;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : g_bit
      localparam [SIZE*WIDTH-1:0] COLUMN = (INIT >> i) & BIT_0;
      if (COLUMN == 0 || COLUMN == BIT_0) begin : g_constant
        assign word[i] = COLUMN[0];
      end else begin : g_tables
        wire [TABLES-1:0] of_table;
        for (t = 0; t < TABLES; t = t + 1) begin : g_table
          `define ENTRY(R) WORDS[(DEPTH*t+R)*WIDTH+i]
          localparam [15:0] LOW = {
              `ENTRY(15), `ENTRY(14), `ENTRY(13), `ENTRY(12), `ENTRY(11), `ENTRY(10), `ENTRY(9), `ENTRY(8),
              `ENTRY(7), `ENTRY(6), `ENTRY(5), `ENTRY(4), `ENTRY(3), `ENTRY(2), `ENTRY(1), `ENTRY(0)
          };
`ifdef ECP5
          LUT4 #(.INIT(LOW)) u_table (
              .A(RD_ADDR[0]), .B(RD_ADDR[1]), .C(RD_ADDR[2]), .D(RD_ADDR[3]), .Z(of_table[t])
          );
`endif
`ifdef ICE40
          SB_LUT4 #(.LUT_INIT(LOW)) u_table (
              .I0(RD_ADDR[0]), .I1(RD_ADDR[1]), .I2(RD_ADDR[2]), .I3(RD_ADDR[3]), .O(of_table[t])
          );
`endif
`ifdef XC7
          localparam [47:0] HIGH = {
              `ENTRY(63), `ENTRY(62), `ENTRY(61), `ENTRY(60), `ENTRY(59), `ENTRY(58), `ENTRY(57), `ENTRY(56),
              `ENTRY(55), `ENTRY(54), `ENTRY(53), `ENTRY(52), `ENTRY(51), `ENTRY(50), `ENTRY(49), `ENTRY(48),
              `ENTRY(47), `ENTRY(46), `ENTRY(45), `ENTRY(44), `ENTRY(43), `ENTRY(42), `ENTRY(41), `ENTRY(40),
              `ENTRY(39), `ENTRY(38), `ENTRY(37), `ENTRY(36), `ENTRY(35), `ENTRY(34), `ENTRY(33), `ENTRY(32),
              `ENTRY(31), `ENTRY(30), `ENTRY(29), `ENTRY(28), `ENTRY(27), `ENTRY(26), `ENTRY(25), `ENTRY(24),
              `ENTRY(23), `ENTRY(22), `ENTRY(21), `ENTRY(20), `ENTRY(19), `ENTRY(18), `ENTRY(17), `ENTRY(16)
          };
          if (ABITS == 5) begin : g_half
            LUT5 #(.INIT({HIGH[15:0], LOW})) u_table (
                .I0(RD_ADDR[0]), .I1(RD_ADDR[1]), .I2(RD_ADDR[2]), .I3(RD_ADDR[3]), .I4(RD_ADDR[4]), .O(of_table[t])
            );
          end else begin : g_whole
            LUT6 #(.INIT({HIGH, LOW})) u_table (
                .I0(RD_ADDR[0]), .I1(RD_ADDR[1]), .I2(RD_ADDR[2]), .I3(RD_ADDR[3]), .I4(RD_ADDR[4]), .I5(RD_ADDR[5]),
                .O(of_table[t])
            );
          end
`endif
        end

`ifdef ECP5
        localparam QUARTERS = (TABLES + 3) / 4;      // of 64 words
        wire [QUARTERS-1:0] of_64;
        for (t = 0; t < QUARTERS; t = t + 1) begin : g_64
          if (TABLES - 4 * t == 1) begin : g_one
            assign of_64[t] = of_table[4*t];
          end else if (TABLES - 4 * t == 2) begin : g_two
            PFUMX u_mux (.ALUT(of_table[4*t+1]), .BLUT(of_table[4*t]), .C0(RD_ADDR[4]), .Z(of_64[t]));
          end else begin : g_four
            wire low, high;
            PFUMX u_low (.ALUT(of_table[4*t+1]), .BLUT(of_table[4*t]), .C0(RD_ADDR[4]), .Z(low));
            PFUMX u_high (.ALUT(of_table[4*t+3]), .BLUT(of_table[4*t+2]), .C0(RD_ADDR[4]), .Z(high));
            L6MUX21 u_mux (.D0(low), .D1(high), .SD(RD_ADDR[5]), .Z(of_64[t]));
          end
        end
        if (QUARTERS == 1) begin : g_all
          assign word[i] = of_64[0];
        end else if (TABLES == 8) begin : g_pair
          L6MUX21 u_mux (.D0(of_64[0]), .D1(of_64[1]), .SD(RD_ADDR[6]), .Z(word[i]));
        end else begin : g_select
          assign word[i] = of_64[RD_ADDR[ABITS-1:6]];
        end
`elsif ICE40
        assign word[i] = of_table[RD_ADDR[ABITS-1:4]];
`else
        if (TABLES == 1) begin : g_all
          assign word[i] = of_table[0];
        end else begin : g_select
          assign word[i] = of_table[RD_ADDR[ABITS-1:6]];
        end
`endif
      end
    end

    if (RD_CLK_ENABLE) begin : g_clocked
      reg [WIDTH-1:0] word_q;
      always @(posedge RD_CLK) if (RD_EN) word_q <= word;
      assign RD_DATA = word_q;
    end else begin : g_at_once
      assign RD_DATA = word;
    end
  endgenerate

endmodule
