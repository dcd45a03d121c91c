// SPDX-License-Identifier: MIT OR Apache-2.0
// Store of `window` for several windows per beat. Column c lies in bank c modulo BANKS, so the
// columns of adjacent windows, STRIDE_W apart, lie in different banks and one read of every bank serves them all.
`default_nettype none

module window_banked #(
    parameter BITS       = 8,                     // bits of one element
    parameter LANES      = 1,                     // elements per pixel and beat
    parameter HEIGHT     = 4,                     // input rows
    parameter WIDTH      = 4,                     // input columns
    parameter GROUPS     = 1,                     // input beats per pixel
    parameter KERNEL_H   = 3,                     // window rows
    parameter KERNEL_W   = 3,                     // window columns
    parameter STRIDE_H   = 1,                     // rows from one window to the next
    parameter STRIDE_W   = 1,                     // columns from one window to the next
    parameter PAD_TOP    = 0,                     // padding rows above the map
    parameter PAD_LEFT   = 0,                     // padding columns left of the map
    parameter [BITS-1:0] PAD_VALUE = {BITS{1'b0}},// code of every element outside the map
    parameter OUT_HEIGHT = 2,                     // output rows
    parameter OUT_BEATS  = 1,                     // groups of PIXELS output columns
    parameter FOLDS      = 1,                     // times that a window is given
    parameter INNER      = 1,                     // beats of a pixel that belong to a fold
    parameter REPLAYS    = 1,                     // folds before the next INNER beats come
    parameter ROWS       = 4,                     // rows of the ring
    parameter PIXELS     = 2,                     // windows per beat
    parameter FIRST      = 0,                     // kind of the step behind a frame's first beat
    parameter REGISTERED = 0                      // 1: a register behind the memory's own
) (
    input  wire                         clk,             // clock
    input  wire                         rst,             // synchronous reset, active high
    input  wire                         write,           // an input beat is accepted
    input  wire [LANES*BITS-1:0]        write_data,      // the input beat
    output wire                         row_written,     // ... and it is the last of its row
    input  wire                         issue,           // the next beat is read
    input  wire [7:0]                   kind,            // one-hot: kind of the step behind the beat after it; see `window_loops`
    input  wire [PIXELS-1:0]            outside,         // the next beat lies in the padding, by window
    output wire                         m_valid,         // output beat, two cycles after it was issued, or three
    output wire [PIXELS*LANES*BITS-1:0] m_data           // output beat
);

  localparam BEAT      = LANES * BITS;
  localparam BANKS     = PIXELS * STRIDE_W;
  localparam SPAN      = (WIDTH + BANKS - 1) / BANKS;              // columns of a row in one bank
  localparam ROW_WORDS = SPAN * GROUPS;                            // of one bank
  localparam DEPTH     = ROWS * ROW_WORDS;
  localparam A_BITS    = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam B_BITS    = $clog2(BANKS);
  localparam TURNS     = (KERNEL_W < BANKS) ? KERNEL_W : BANKS;    // banks in which a first window's columns lie
  localparam T_BITS    = (TURNS > 1) ? $clog2(TURNS) : 1;
  // The left edge of the padding lies LEFT_SPAN words before the row, less the part that fills a bank round.
  localparam LEFT_SPAN = (PAD_LEFT + BANKS - 1) / BANKS;
  localparam LEFT_BANK = LEFT_SPAN * BANKS - PAD_LEFT;             // bank of the first window's first column
  localparam [B_BITS-1:0] FIRST_BANK = LEFT_BANK[B_BITS-1:0];
  localparam [B_BITS-1:0] LAST_BANK  = BANKS[B_BITS-1:0] - 1'b1;

  // Writer: a row goes over the banks, pixel by pixel; the words a bank lacks in the last round are skipped.
  wire group_end, write_row_end;
  reg  [BANKS-1:0]  write_bank_q;          // one-hot
  reg  [A_BITS-1:0] round_address_q;       // first group of the round of banks being written
  reg  [A_BITS-1:0] write_address_q;
  wire [A_BITS-1:0] write_next, round_next;
  wire              round_end = write_bank_q[BANKS-1];
  wire              write_pixel = write && group_end;

  assign row_written = write_pixel && write_row_end;

  loop_counter #(.LENGTH(GROUPS)) u_write_group (.clk(clk), .rst(rst), .step(write), .at_end(group_end));
  loop_counter #(.LENGTH(WIDTH)) u_write_column (.clk(clk), .rst(rst), .step(write_pixel), .at_end(write_row_end));
  ring_step #(.DEPTH(DEPTH), .STEP(1 % DEPTH)) u_write_step (.from(write_address_q), .to(write_next));
  ring_step #(.DEPTH(DEPTH), .STEP(GROUPS % DEPTH)) u_round_step (.from(round_address_q), .to(round_next));

  always @(posedge clk) begin
    if (write) write_address_q <= write_next;
    if (write_pixel) begin
      write_bank_q <= (round_end || write_row_end) ? {{(BANKS - 1) {1'b0}}, 1'b1} : {write_bank_q[BANKS-2:0], 1'b0};
      if (round_end || write_row_end) round_address_q <= round_next;
      write_address_q <= (round_end || write_row_end) ? round_next : round_address_q;
    end
    if (rst) begin
      write_bank_q    <= {{(BANKS - 1) {1'b0}}, 1'b1};
      round_address_q <= {A_BITS{1'b0}};
      write_address_q <= {A_BITS{1'b0}};
    end
  end

  // Reader: words from the last beat of each loop to the beat that follows. Addresses are those of bank 0 in the round of
  // banks that holds the first window's column. From one group of windows to the next it is BANKS columns: one round, the
  // same bank.
  localparam ROUNDS = (LEFT_BANK + KERNEL_W - 1) / BANKS;          // from a line's first column to its last
  localparam signed [31:0] FOLD_WORDS = (REPLAYS < FOLDS) ? (FOLDS - 1) / REPLAYS * INNER : 0;     // to the last fold's
  localparam signed [31:0] COLUMN     = -(INNER - 1);
  localparam signed [31:0] LINE_BACK  = COLUMN - ROUNDS * GROUPS;                                  // to the line's first
  localparam signed [31:0] FOLD_BACK  = LINE_BACK - (KERNEL_H - 1) * ROW_WORDS;                    // to the fold's first
  localparam signed [31:0] ROW_BACK   = FOLD_BACK - FOLD_WORDS - (OUT_BEATS - 1) * GROUPS;
  localparam signed [31:0] STAY       = 0;
  localparam signed [31:0] NEXT       = 1;
  localparam signed [31:0] ROUND      = COLUMN + GROUPS;           // to a column in the next round of banks
  localparam signed [31:0] LINE       = LINE_BACK + ROW_WORDS;
  localparam signed [31:0] ADVANCE    = FOLD_BACK + INNER;
  localparam signed [31:0] PIXEL      = FOLD_BACK - FOLD_WORDS + GROUPS;
  localparam signed [31:0] ROW        = ROW_BACK + STRIDE_H * ROW_WORDS;
  localparam signed [31:0] FRAME      = ROW_BACK + (HEIGHT - (OUT_HEIGHT - 1) * STRIDE_H) * ROW_WORDS;
  localparam signed [31:0] TURN_BACK  = -(KERNEL_W - 1);
  // Kinds of steps are those of `window_loops`, and as the last the step to a column in the next round.
  localparam COLUMN_KIND = 1;
  localparam ROUND_KIND  = 8;
  localparam [9*32-1:0]    STEPS      = {ROUND, FRAME, ROW, PIXEL, ADVANCE, FOLD_BACK, LINE, COLUMN, NEXT};
  localparam START      = -(PAD_TOP * ROW_WORDS + LEFT_SPAN * GROUPS);
  localparam FIRST_STEP = (FIRST == COLUMN_KIND && FIRST_BANK == LAST_BANK) ? ROUND_KIND : FIRST;

  wire [A_BITS-1:0] address;
  wire [A_BITS-1:0] address_later;         // one round later
  reg  [B_BITS-1:0] bank_q;                // bank of the first window's column, a beat ahead
  reg  [BANKS-1:0]  later_q;               // the bank lies before that of the first window's column
  wire [T_BITS-1:0] turn;                  // columns from the line's first to that one, modulo TURNS
  wire              round_ends = bank_q == LAST_BANK;
  wire              column = kind[COLUMN_KIND];
  wire [       8:0] step = {column && round_ends, kind[7:2], column && !round_ends, kind[0]};

  ring_walk #(.DEPTH(DEPTH), .START(START), .KINDS(9), .FIRST(FIRST_STEP), .STEPS(STEPS)) u_address (
      .clk(clk), .rst(rst), .step(issue), .kind(step), .place(address)
  );
  ring_walk #(.DEPTH(DEPTH), .START(START + GROUPS), .KINDS(9), .FIRST(FIRST_STEP), .STEPS(STEPS)) u_later (
      .clk(clk), .rst(rst), .step(issue), .kind(step), .place(address_later)
  );
  ring_walk #(
      .DEPTH(TURNS), .KINDS(8), .FIRST(FIRST), .STEPS({{6{TURN_BACK}}, NEXT, STAY})
  ) u_turn (.clk(clk), .rst(rst), .step(issue), .kind(kind), .place(turn));

  integer k;
  always @(posedge clk) begin
    if (issue) begin
      if (!kind[0]) bank_q <= !column ? FIRST_BANK : round_ends ? {B_BITS{1'b0}} : bank_q + 1'b1;
      for (k = 0; k < BANKS; k = k + 1) later_q[k] <= k < {{(32 - B_BITS) {1'b0}}, bank_q};
    end
    if (rst) begin
      bank_q <= (FIRST != COLUMN_KIND) ? FIRST_BANK : (FIRST_BANK == LAST_BANK) ? {B_BITS{1'b0}} : FIRST_BANK + 1'b1;
      for (k = 0; k < BANKS; k = k + 1) later_q[k] <= k < LEFT_BANK;
    end
  end

  // Banks before the first window's column are read one round later.
  wire [BANKS*BEAT-1:0]  read_data;
  wire [BANKS*BEAT-1:0]  data;
  wire                   unused = &{1'b0, data};       // where strides pass over banks
  wire [T_BITS-1:0]      data_turn;
  wire [PIXELS-1:0]      data_outside;
  reg  [REGISTERED:0]    read_valid_q;
  wire [REGISTERED+1:0]  valid_d = {read_valid_q, issue};
  reg                    valid_q;
  reg  [PIXELS*BEAT-1:0] data_q;

  assign m_valid = valid_q;
  assign m_data  = data_q;

  delay #(.BITS(BANKS * BEAT), .CYCLES(REGISTERED)) u_data (.clk(clk), .d(read_data), .q(data));
  delay #(.BITS(T_BITS + PIXELS), .CYCLES(REGISTERED + 1)) u_place (
      .clk(clk), .d({turn, outside}), .q({data_turn, data_outside})
  );

  genvar b, p;
  generate
    for (b = 0; b < BANKS; b = b + 1) begin : g_bank
      ring_memory #(.WIDTH(BEAT), .DEPTH(DEPTH)) u_memory (
          .clk(clk),
          .write(write && write_bank_q[b]), .write_address(write_address_q), .write_data(write_data),
          .read(1'b1), .read_address(later_q[b] ? address_later : address),
          .read_data(read_data[b*BEAT+:BEAT])
      );
    end

    for (p = 0; p < PIXELS; p = p + 1) begin : g_pixel
      localparam OFFSET = p * STRIDE_W;
      wire [TURNS*BEAT-1:0] turned;        // the bank of the window's first column first
      wire [      BEAT-1:0] chosen;

      for (b = 0; b < TURNS; b = b + 1) begin : g_turn
        localparam BANK = (LEFT_BANK + OFFSET + b) % BANKS;
        assign turned[b*BEAT+:BEAT] = data[BANK*BEAT+:BEAT];
      end
      element_select #(.WIDTH(BEAT), .COUNT(TURNS)) u_select (.words(turned), .index(data_turn), .word(chosen));

      always @(posedge clk) data_q[p*BEAT+:BEAT] <= data_outside[p] ? {LANES{PAD_VALUE}} : chosen;
    end
  endgenerate

  always @(posedge clk) begin
    {valid_q, read_valid_q} <= valid_d;
    if (rst) {valid_q, read_valid_q} <= {(REGISTERED + 2) {1'b0}};
  end

endmodule

`default_nettype wire
