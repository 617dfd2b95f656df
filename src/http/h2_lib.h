/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of libnghttp2 that Writ calls, without their prefix. */
#ifndef HTTP_H2_LIB_H
#define HTTP_H2_LIB_H

#include "http/h2.h"

#include <nghttp2/nghttp2.h>

#define H2_FUNCTIONS(X)                                                                            \
	X(option_new)                                                                              \
	X(option_del)                                                                              \
	X(option_set_no_auto_window_update)                                                        \
	X(option_set_no_closed_streams)                                                            \
	X(option_set_max_deflate_dynamic_table_size)                                               \
	X(option_set_peer_max_concurrent_streams)                                                  \
	X(option_set_server_fallback_rfc7540_priorities)                                           \
	X(session_callbacks_new)                                                                   \
	X(session_callbacks_del)                                                                   \
	X(session_callbacks_set_on_begin_headers_callback)                                         \
	X(session_callbacks_set_on_header_callback)                                                \
	X(session_callbacks_set_on_data_chunk_recv_callback)                                       \
	X(session_callbacks_set_on_frame_recv_callback)                                            \
	X(session_callbacks_set_on_begin_frame_callback)                                           \
	X(session_callbacks_set_on_frame_send_callback)                                            \
	X(session_callbacks_set_on_stream_close_callback)                                          \
	X(session_server_new2)                                                                     \
	X(session_client_new2)                                                                     \
	X(session_del)                                                                             \
	X(session_mem_recv)                                                                        \
	X(session_mem_send)                                                                        \
	X(session_want_read)                                                                       \
	X(session_want_write)                                                                      \
	X(session_set_stream_user_data)                                                            \
	X(session_get_stream_user_data)                                                            \
	X(session_set_local_window_size)                                                           \
	X(session_consume_connection)                                                              \
	X(session_consume_stream)                                                                  \
	X(session_resume_data)                                                                     \
	X(session_get_remote_settings)                                                             \
	X(session_get_last_proc_stream_id)                                                         \
	X(session_get_stream_remote_close)                                                         \
	X(session_terminate_session)                                                               \
	X(session_check_request_allowed)                                                           \
	X(submit_settings)                                                                         \
	X(submit_request)                                                                          \
	X(submit_response)                                                                         \
	X(submit_headers)                                                                          \
	X(submit_trailer)                                                                          \
	X(submit_rst_stream)                                                                       \
	X(submit_goaway)

struct h2_lib {
	void *handle;
#define X(name) __typeof__(nghttp2_##name) *name;
	H2_FUNCTIONS(X)
#undef X
};

#endif
