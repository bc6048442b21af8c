/* The functions that apply values of commands, in setters_*.c. What a command means is in
 * docs/protocol.md, All commands, and in commands.h. */
#ifndef SI_REQUEST_SETTERS_H
#define SI_REQUEST_SETTERS_H

#include "request/command.h"
#include "request/values.h"

typedef si_result si_setter(const si_command_target *s, si_str value);

#define si_set_none NULL /* collect.c opens segments */

si_setter si_set_align;
si_setter si_set_anchor;
si_setter si_set_bfc;
si_setter si_set_bgc;
si_setter si_set_bgColor;
si_setter si_set_blendMode;
si_setter si_set_cache;
si_setter si_set_clipPath;
si_setter si_set_clipPathE;
si_setter si_set_clipXPath;
si_setter si_set_clipXPathE;
si_setter si_set_color;
si_setter si_set_crop;
si_setter si_set_cropPathE;
si_setter si_set_defaultImage;
si_setter si_set_dpr;
si_setter si_set_effectMask;
si_setter si_set_extend;
si_setter si_set_fit;
si_setter si_set_flip;
si_setter si_set_fmt;
si_setter si_set_handler;
si_setter si_set_hei;
si_setter si_set_hide;
si_setter si_set_icc;
si_setter si_set_iccEmbed;
si_setter si_set_id;
si_setter si_set_imageSet;
si_setter si_set_jpegSize;
si_setter si_set_labelkey;
si_setter si_set_locale;
si_setter si_set_map;
si_setter si_set_mask;
si_setter si_set_maskUse;
si_setter si_set_message;
si_setter si_set_name;
si_setter si_set_network;
si_setter si_set_op_blur;
si_setter si_set_op_brightness;
si_setter si_set_op_colorBalance;
si_setter si_set_op_colorize;
si_setter si_set_op_contrast;
si_setter si_set_op_grow;
si_setter si_set_op_growMask;
si_setter si_set_op_hue;
si_setter si_set_op_invert;
si_setter si_set_op_noise;
si_setter si_set_op_saturation;
si_setter si_set_op_sharpen;
si_setter si_set_op_usm;
si_setter si_set_opac;
si_setter si_set_origin;
si_setter si_set_pathAttr;
si_setter si_set_pathEmbed;
si_setter si_set_perspective;
si_setter si_set_pos;
si_setter si_set_printRes;
si_setter si_set_pscan;
si_setter si_set_qlt;
si_setter si_set_quantize;
si_setter si_set_rect;
si_setter si_set_req;
si_setter si_set_res;
si_setter si_set_resMode;
si_setter si_set_rgn;
si_setter si_set_rotate;
si_setter si_set_scale;
si_setter si_set_scl;
si_setter si_set_size;
si_setter si_set_sizeN;
si_setter si_set_src;
si_setter si_set_template;
si_setter si_set_text;
si_setter si_set_textAngle;
si_setter si_set_textAttr;
si_setter si_set_textFlowPath;
si_setter si_set_textFlowXPath;
si_setter si_set_textPath;
si_setter si_set_timeout;
si_setter si_set_type;
si_setter si_set_wid;
si_setter si_set_xmpEmbed;

#endif
