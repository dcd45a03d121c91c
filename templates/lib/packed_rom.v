// SPDX-License-Identifier: MIT OR Apache-2.0
// A ROM read from its first word to its last over and over, its rows packed to fill block RAMs. With SLICES = n, n + 1
// words take n rows: the last of them lies in n slices in the bits that the rows of the others leave free. Rows lie in
// banks of BANK rows, each with registers of its own; the images of several are FILE_00.hex and so on.
`default_nettype none

module packed_rom #(
    parameter WIDTH  = 8,                  // bits of one word
    parameter DEPTH  = 4,                  // words
    parameter SLICES = 0,                  // 0: every word has a row of its own; else at least 2, DEPTH a multiple of n + 1
    parameter BANK   = 4,                  // rows of a bank; a power of two where there are several
    parameter TRITS  = 0,                  // 1: words are ternary codes, three in five bits (`trit_decoder`)
    parameter FILE   = "weights.hex"       // image, one row per line; of several, what their names begin with
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             step,          // the next word is wanted
    output wire [WIDTH-1:0] data           // the word, two cycles later; three where it is put together
);

  localparam CODED    = (TRITS != 0) ? WIDTH / 6 * 5 + WIDTH % 6 : WIDTH;
  localparam SLICE    = (SLICES > 0) ? (CODED + SLICES - 1) / SLICES : 0;
  localparam ROW      = CODED + SLICE;
  localparam ROWS     = (SLICES > 0) ? DEPTH / (SLICES + 1) * SLICES : DEPTH;
  localparam BANKS    = (ROWS + BANK - 1) / BANK;
  localparam ROW_BITS = (ROWS > 1) ? $clog2(ROWS) : 1;

  reg  [ROW_BITS-1:0] row_q;
  wire [ROW_BITS-1:0] row_d;
  wire                sliced;              // the word wanted is the one in slices
  wire [     ROW-1:0] row;                 // what was read, two cycles after the step
  wire [   CODED-1:0] coded;               // the word, as it is stored
  wire [   WIDTH-1:0] word;

  ring_step #(.DEPTH(ROWS), .STEP(1 % ROWS)) u_step (.from(row_q), .to(row_d));

  always @(posedge clk) begin
    if (step && !sliced) row_q <= row_d;
    if (rst) row_q <= {ROW_BITS{1'b0}};
  end

  genvar b;
  generate
    if (BANKS == 1) begin : g_bank
      weight_rom #(.WIDTH(ROW), .DEPTH(ROWS), .FILE(FILE)) u_rom (
          .clk(clk), .enable(1'b1), .address(row_q), .data(row)
      );
    end else begin : g_banks
      localparam LOW       = $clog2(BANK);         // address bits in a bank
      localparam BANK_BITS = ROW_BITS - LOW;
      wire [BANKS*ROW-1:0] rows;
      reg  [BANK_BITS-1:0] read_bank_q;
      reg  [BANK_BITS-1:0] bank_q;

      for (b = 0; b < BANKS; b = b + 1) begin : g_bank
        localparam [31:0] TENS = 48 + b / 10;      // as ASCII
        localparam [31:0] ONES = 48 + b % 10;
        weight_rom #(.WIDTH(ROW), .DEPTH(BANK), .FILE({FILE, "_", TENS[7:0], ONES[7:0], ".hex"})) u_rom (
            .clk(clk), .enable(1'b1), .address(row_q[LOW-1:0]), .data(rows[b*ROW+:ROW])
        );
      end
      element_select #(.WIDTH(ROW), .COUNT(BANKS)) u_select (.words(rows), .index(bank_q), .word(row));

      always @(posedge clk) begin
        read_bank_q <= row_q[ROW_BITS-1:LOW];
        bank_q      <= read_bank_q;
      end
    end

    if (SLICES > 0) begin : g_slices
      reg  [             1:0] step_q;
      reg  [             1:0] sliced_q;
      reg  [SLICES*SLICE-1:0] slices_q;    // the latest highest

      loop_counter #(.LENGTH(SLICES + 1)) u_words (.clk(clk), .rst(rst), .step(step), .at_end(sliced));

      assign coded = sliced_q[1] ? slices_q[CODED-1:0] : row[CODED-1:0];

      always @(posedge clk) begin
        step_q   <= {step_q[0], step};
        sliced_q <= {sliced_q[0], sliced};
        if (step_q[1] && !sliced_q[1]) slices_q <= {row[CODED+:SLICE], slices_q[SLICES*SLICE-1:SLICE]};
        if (rst) step_q <= 2'b00;
      end

      if (SLICES * SLICE > CODED) begin : g_rest
        wire unused = &{1'b0, slices_q[SLICES*SLICE-1:CODED]};
      end
    end else begin : g_whole
      assign sliced = 1'b0;
      assign coded  = row;
    end

    if (TRITS != 0) begin : g_trits
      trit_decoder #(.CODES(WIDTH / 2)) u_decoder (.packed_codes(coded), .codes(word));
    end else begin : g_plain
      assign word = coded;
    end

    if (SLICES > 0 || BANKS > 1 || TRITS != 0) begin : g_late
      reg [WIDTH-1:0] data_q;
      always @(posedge clk) data_q <= word;
      assign data = data_q;
    end else begin : g_direct
      assign data = word;
    end
  endgenerate

endmodule

`default_nettype wire
