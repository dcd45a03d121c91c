// SPDX-License-Identifier: MIT OR Apache-2.0
// Greatest of STEPS beats in a row, lane by lane; latency 1 after the last of them.
`default_nettype none

module reduce_max #(
    parameter LANES  = 4,                  // elements per beat
    parameter BITS   = 8,                  // bits of one element
    parameter SIGNED = 0,                  // 1: elements are two's complement
    parameter STEPS  = 4                   // beats to reduce to one
) (
    input  wire                  clk,      // clock
    input  wire                  rst,      // synchronous reset, active high
    input  wire                  s_valid,  // input beat offered
    output wire                  s_ready,  // input beat accepted
    input  wire [LANES*BITS-1:0] s_data,   // input beat
    output wire                  m_valid,  // output beat offered
    input  wire                  m_ready,  // output beat accepted
    output wire [LANES*BITS-1:0] m_data    // greatest elements
);

  wire beat = s_valid && s_ready;
  wire at_end;
  reg  valid_q;
  reg  first_q;                            // the beat offered is the first to reduce

  assign s_ready = !valid_q || m_ready;
  assign m_valid = valid_q;

  loop_counter #(.LENGTH(STEPS)) u_steps (.clk(clk), .rst(rst), .step(beat), .at_end(at_end));

  always @(posedge clk) begin
    if (s_ready) valid_q <= beat && at_end;
    if (beat) first_q <= at_end;
    if (rst) begin
      valid_q <= 1'b0;
      first_q <= 1'b1;
    end
  end

  genvar l;
  generate
    for (l = 0; l < LANES; l = l + 1) begin : g_lane
      wire [BITS-1:0] element = s_data[l*BITS+:BITS];
      wire            greater;
      reg  [BITS-1:0] best_q;
      reg  [BITS-1:0] result_q;
      wire [BITS-1:0] best_d = (first_q || greater) ? element : best_q;

      assign m_data[l*BITS+:BITS] = result_q;
      if (SIGNED != 0) begin : g_signed
        assign greater = $signed(element) > $signed(best_q);
      end else begin : g_unsigned
        assign greater = element > best_q;
      end

      always @(posedge clk) begin
        if (beat) best_q <= best_d;
        if (beat && at_end) result_q <= best_d;
      end
    end
  endgenerate

endmodule

`default_nettype wire
