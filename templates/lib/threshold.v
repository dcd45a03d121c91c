// SPDX-License-Identifier: MIT OR Apache-2.0
// y = FIRST + STEP * (number of the channel's thresholds that acc reaches), lane by lane; latency 2. One vector is FOLDS
// beats; word f of the ROM image holds the thresholds of beat f, each two's complement of ACC_BITS + 1 bits, ascending
// within a channel: threshold k of lane l at bit (l * STEPS + k) * (ACC_BITS + 1).
`default_nettype none

module threshold #(
    parameter LANES    = 4,                // channels per beat
    parameter PIXELS   = 1,                // vectors side by side that share the thresholds
    parameter ACC_BITS = 12,               // bits of one accumulator, two's complement
    parameter STEPS    = 3,                // thresholds of one channel
    parameter OUT_BITS = 2,                // bits of one result
    parameter FIRST    = 0,                // result below the first threshold
    parameter STEP     = 1,                // what a threshold adds to the result
    parameter FOLDS    = 2,                // beats of one vector
    parameter FILE     = "thresholds.hex"  // ROM image
) (
    input  wire                             clk,      // clock
    input  wire                             rst,      // synchronous reset, active high
    input  wire                             s_valid,  // input beat offered
    output wire                             s_ready,  // input beat accepted
    input  wire [PIXELS*LANES*ACC_BITS-1:0] s_data,   // PIXELS x LANES accumulators
    output wire                             m_valid,  // output beat offered
    input  wire                             m_ready,  // output beat accepted
    output wire [PIXELS*LANES*OUT_BITS-1:0] m_data    // PIXELS x LANES results
);

  localparam BITS    = ACC_BITS + 1;
  localparam CHANNEL = STEPS * BITS;

  wire                     enable = !m_valid || m_ready;
  wire                     table_ready;
  wire                     beat = s_valid && s_ready;
  wire [LANES*CHANNEL-1:0] thresholds;
  reg  [              1:0] valid_q;

  assign s_ready = enable && table_ready;
  assign m_valid = valid_q[1];

  cyclic_rom #(.WIDTH(LANES * CHANNEL), .DEPTH(FOLDS), .FILE(FILE)) u_thresholds (
      .clk(clk), .rst(rst), .ready(table_ready), .next(beat), .data(thresholds)
  );

  always @(posedge clk) begin
    if (enable) valid_q <= {valid_q[0], beat};
    if (rst) valid_q <= 2'b00;
  end

  genvar pixel, l;
  generate
    for (pixel = 0; pixel < PIXELS; pixel = pixel + 1) begin : g_pixel
      for (l = 0; l < LANES; l = l + 1) begin : g_lane
        threshold_lane #(
            .ACC_BITS(ACC_BITS), .STEPS(STEPS), .OUT_BITS(OUT_BITS), .FIRST(FIRST), .STEP(STEP)
        ) u_lane (
            .clk(clk), .enable(enable), .acc(s_data[(pixel*LANES+l)*ACC_BITS+:ACC_BITS]),
            .thresholds(thresholds[l*CHANNEL+:CHANNEL]), .y(m_data[(pixel*LANES+l)*OUT_BITS+:OUT_BITS])
        );
      end
    end
  endgenerate

endmodule

`default_nettype wire
