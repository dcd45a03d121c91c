// SPDX-License-Identifier: MIT OR Apache-2.0
// Takes PIXELS adjacent pixels at once, fold by fold, and gives them one after another, each with all its folds; pixels
// past the end of the row are dropped. Holds two groups of pixels. Latency 3 after the last beat of a group.
`default_nettype none

module pixel_serializer #(
    parameter BITS   = 8,                  // bits of one element
    parameter LANES  = 2,                  // channels per pixel and beat
    parameter PIXELS = 4,                  // pixels per beat taken
    parameter FOLDS  = 2,                  // beats of one pixel
    parameter WIDTH  = 10                  // pixels of one row
) (
    input  wire                         clk,      // clock
    input  wire                         rst,      // synchronous reset, active high
    input  wire                         s_valid,  // input beat offered
    output wire                         s_ready,  // input beat accepted
    input  wire [PIXELS*LANES*BITS-1:0] s_data,   // PIXELS x LANES elements
    output wire                         m_valid,  // output beat offered
    input  wire                         m_ready,  // output beat accepted
    output wire [       LANES*BITS-1:0] m_data    // LANES elements of one pixel
);

  localparam BEAT       = LANES * BITS;
  localparam GROUPS     = (WIDTH + PIXELS - 1) / PIXELS;           // of one row
  localparam TAIL       = WIDTH - (GROUPS - 1) * PIXELS;           // pixels of a row's last group
  localparam DEPTH      = 2 * FOLDS;
  localparam A_BITS     = $clog2(DEPTH);
  localparam PIXEL_BITS = (PIXELS > 1) ? $clog2(PIXELS) : 1;
  localparam [PIXEL_BITS-1:0] LAST_PIXEL = PIXELS[PIXEL_BITS-1:0] - 1'b1;
  localparam [PIXEL_BITS-1:0] LAST_TAIL  = TAIL[PIXEL_BITS-1:0] - 1'b1;

  reg  [           1:0] full_q;            // groups held
  wire                  write = s_valid && s_ready;
  wire                  write_end;         // the beat taken completes its group
  reg  [    A_BITS-1:0] write_address_q;
  wire [    A_BITS-1:0] write_address_d;

  wire                  enable = !m_valid || m_ready;
  wire                  issue = enable && full_q != 2'd0;
  wire                  fold_end, last_group;
  reg  [PIXEL_BITS-1:0] pixel_q;
  wire                  pixel_end = pixel_q == (last_group ? LAST_TAIL : LAST_PIXEL);
  wire                  group_end = fold_end && pixel_end;
  reg  [    A_BITS-1:0] base_q;            // first word of the group being read
  reg  [    A_BITS-1:0] address_q;
  wire [    A_BITS-1:0] address_next;

  assign s_ready = full_q != 2'd2;

  loop_counter #(.LENGTH(FOLDS)) u_write_folds (.clk(clk), .rst(rst), .step(write), .at_end(write_end));
  loop_counter #(.LENGTH(FOLDS)) u_read_folds (.clk(clk), .rst(rst), .step(issue), .at_end(fold_end));
  loop_counter #(.LENGTH(GROUPS)) u_groups (.clk(clk), .rst(rst), .step(issue && group_end), .at_end(last_group));
  ring_step #(.DEPTH(DEPTH), .STEP(1)) u_write_step (.from(write_address_q), .to(write_address_d));
  ring_step #(.DEPTH(DEPTH), .STEP(1)) u_read_step (.from(address_q), .to(address_next));

  always @(posedge clk) begin
    full_q <= full_q + {1'b0, write && write_end} - {1'b0, issue && group_end};
    if (write) write_address_q <= write_address_d;
    if (issue) begin
      if (fold_end) pixel_q <= pixel_end ? {PIXEL_BITS{1'b0}} : pixel_q + 1'b1;
      address_q <= (fold_end && !pixel_end) ? base_q : address_next;
      if (group_end) base_q <= address_next;
    end
    if (rst) begin
      full_q          <= 2'd0;
      write_address_q <= {A_BITS{1'b0}};
      pixel_q         <= {PIXEL_BITS{1'b0}};
      address_q       <= {A_BITS{1'b0}};
      base_q          <= {A_BITS{1'b0}};
    end
  end

  wire [PIXELS*BEAT-1:0] read_data;
  reg                    read_valid_q;
  reg  [ PIXEL_BITS-1:0] read_pixel_q;
  wire [       BEAT-1:0] chosen;
  reg                    valid_q;
  reg  [       BEAT-1:0] data_q;

  assign m_valid = valid_q;
  assign m_data  = data_q;

  ring_memory #(.WIDTH(PIXELS * BEAT), .DEPTH(DEPTH)) u_memory (
      .clk(clk),
      .write(write), .write_address(write_address_q), .write_data(s_data),
      .read(enable), .read_address(address_q), .read_data(read_data)
  );

  element_select #(.WIDTH(BEAT), .COUNT(PIXELS)) u_select (.words(read_data), .index(read_pixel_q), .word(chosen));

  always @(posedge clk) begin
    if (enable) begin
      read_valid_q <= issue;
      read_pixel_q <= pixel_q;
      valid_q      <= read_valid_q;
      data_q       <= chosen;
    end
    if (rst) begin
      read_valid_q <= 1'b0;
      valid_q      <= 1'b0;
    end
  end

endmodule

`default_nettype wire
