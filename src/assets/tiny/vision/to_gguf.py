"""Writes the tower and the first and last embedding of the codebook as a projector file (mmproj) of llama.cpp.

usage: to_gguf.py TOWER.pt CODEBOOK.pt OUT.gguf   (needs the `gguf` Python package)
"""
import sys
import numpy as np, torch
from gguf import GGMLQuantizationType as Type, GGUFWriter, quantize
from tower import CONFIG, MEAN, STD

tower, book, c = torch.load(sys.argv[1]), torch.load(sys.argv[2]), CONFIG
w = GGUFWriter(sys.argv[3], "clip"); w.add_type("mmproj"); w.add_name("shimmy-tiny vision tower"); w.add_license("MIT")
w.add_description("Sees colored shapes and digits, for tests and demonstrations"); w.add_file_type(7); w.add_quantization_version(2)
w.add_bool("clip.has_vision_encoder", True); w.add_string("clip.projector_type", "adapter"); w.add_bool("clip.use_gelu", True)
for key, value in {"image_size": c["size"], "patch_size": c["patch"], "embedding_length": c["width"], "feed_forward_length": c["ff"],
                   "block_count": c["layers"], "projection_dim": c["out"], "attention.head_count": c["heads"]}.items():
    w.add_uint32("clip.vision." + key, value)
w.add_float32("clip.vision.attention.layer_norm_epsilon", c["eps"])
w.add_array("clip.vision.image_mean", [MEAN] * 3); w.add_array("clip.vision.image_std", [STD] * 3)


def name_of(key):
    """Returns the tensor's name in llama.cpp's tools/mtmd/clip-impl.h."""
    p = key.split(".")
    if p[0] == "layers":
        part = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_out", "up": "ffn_up", "down": "ffn_down"}.get(p[2], p[2])
        return f"v.blk.{p[1]}.{part}.{p[3]}"
    return {"pos": "v.position_embd.weight", "patch.weight": "v.patch_embd.weight", "patch.bias": "v.patch_embd.bias",
            "post.weight": "v.post_ln.weight", "post.bias": "v.post_ln.bias", "conv.weight": "adapter.conv.weight", "conv.bias": "adapter.conv.bias",
            "linear.weight": "adapter.linear.linear.weight", "norm.weight": "adapter.linear.norm1.weight", "norm.bias": "adapter.linear.norm1.bias",
            "up.weight": "adapter.linear.dense_h_to_4h.weight", "gate.weight": "adapter.linear.gate.weight",
            "down.weight": "adapter.linear.dense_4h_to_h.weight"}[key]


for key, t in tower.items():
    x = t.float().numpy()
    if key == "pos" or x.ndim == 1: w.add_tensor(name_of(key), x)
    elif x.ndim == 4: w.add_tensor(name_of(key), x.astype(np.float16))  # Convolutions have no quantized kernels.
    else: w.add_tensor(name_of(key), quantize(x, Type.Q8_0), raw_dtype=Type.Q8_0)
w.add_tensor("adapter.boi", book["first"].float().numpy()[0]); w.add_tensor("adapter.eoi", book["last"].float().numpy()[0])
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
