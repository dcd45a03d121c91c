// SPDX-License-Identifier: MIT OR Apache-2.0
// Sum of STEPS beats in a row, lane by lane; latency 1 after the last of them.
`default_nettype none

module reduce_sum #(
    parameter LANES    = 4,                // elements per beat
    parameter BITS     = 8,                // bits of one element
    parameter SIGNED   = 0,                // 1: elements are two's complement
    parameter STEPS    = 4,                // beats to reduce to one
    parameter OUT_BITS = 11                // bits of one sum, two's complement
) (
    input  wire                      clk,      // clock
    input  wire                      rst,      // synchronous reset, active high
    input  wire                      s_valid,  // input beat offered
    output wire                      s_ready,  // input beat accepted
    input  wire [    LANES*BITS-1:0] s_data,   // input beat
    output wire                      m_valid,  // output beat offered
    input  wire                      m_ready,  // output beat accepted
    output wire [LANES*OUT_BITS-1:0] m_data    // sums
);

  wire beat = s_valid && s_ready;
  wire at_end;
  reg  valid_q;

  assign s_ready = !valid_q || m_ready;
  assign m_valid = valid_q;

  loop_counter #(.LENGTH(STEPS)) u_steps (.clk(clk), .rst(rst), .step(beat), .at_end(at_end));

  always @(posedge clk) begin
    if (s_ready) valid_q <= beat && at_end;
    if (rst) valid_q <= 1'b0;
  end

  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [    BITS-1:0] element = s_data[l*BITS+:BITS];
      wire [OUT_BITS-1:0] wide;
      if (OUT_BITS > BITS) begin : g_extend
        assign wide = {{(OUT_BITS - BITS) {(SIGNED != 0) && element[BITS-1]}}, element};
      end else begin : g_same
        assign wide = element[OUT_BITS-1:0];
      end
      accumulator #(.BITS(OUT_BITS), .SINGLE(STEPS == 1)) u_sum (
          .clk(clk), .rst(rst), .valid(beat), .last(beat && at_end), .x(wide),
          .total(m_data[l*OUT_BITS+:OUT_BITS])
      );
    end
  endgenerate

endmodule

`default_nettype wire
