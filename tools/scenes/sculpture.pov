// A marble bust in soft light. Unit: about 10 cm; the mesh comes from sculpture.py.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 4 }

camera {
    location <-3.6, 0.15, -9.8> look_at <0.02, -0.72, 0.15> angle 21.5
    right x*image_width/image_height up y
}
light_source { <-10, 7.5, -3.4> rgb <1.0, 0.90, 0.78>*1.0 area_light <2.6,0,-2.6> <0.6,3.2,1.2> 4 4 adaptive 0 jitter }
light_source { <9, 3, -7> rgb <0.60,0.74,1.0>*0.085 shadowless }
light_source { <5.5, 5, 7> rgb <0.80,0.90,1.0>*0.62 area_light <1.5,0,1> <0,2,0> 2 2 adaptive 0 jitter }
light_source { <0, -5, -8> rgb <1.0,0.75,0.60>*0.07 shadowless }

#declare Marble = texture {
    pigment { average pigment_map {
        [2 srgb <0.915,0.875,0.83>]
        [1 marble turbulence 0.85 octaves 6 omega 0.6 scale 1.7 rotate <35,20,62> color_map {
            [0 srgb <0.93,0.89,0.845>] [0.80 srgb <0.91,0.865,0.82>] [0.94 srgb <0.80,0.745,0.705>] [1 srgb <0.90,0.855,0.81>] }]
        [0.7 granite scale 1.4 color_map { [0 srgb <0.86,0.81,0.77>] [1 srgb <0.95,0.91,0.87>] }] } }
    finish { diffuse 0.74 brilliance 0.85 emission rgb <0.020,0.012,0.008> specular 0.16 roughness 0.035 reflection { 0, 0.06 falloff 4 } }
}
object {
    #include "sculpture-mesh.inc"
    texture { Marble }
}
// The foot, and a plinth of darker stone.
union {
    lathe { cubic_spline 9 <-1,-2.55> <0,-2.55> <0.42,-2.57> <0.40,-2.72> <0.30,-2.86> <0.34,-2.98> <0.60,-3.06> <0.64,-3.14> <0.64,-3.3> }
    texture { Marble }
    translate z*0.26
}
box { <-0.95,-4.6,-0.7> <0.95,-3.14,1.2>
    pigment { marble turbulence 0.9 octaves 6 scale 1.1 rotate <10,30,70> color_map { [0 srgb <0.13,0.14,0.15>] [0.85 srgb <0.17,0.18,0.19>] [0.96 srgb <0.40,0.38,0.35>] [1 srgb <0.15,0.16,0.17>] } }
    finish { diffuse 0.75 specular 0.3 roughness 0.01 reflection { 0.02, 0.3 } }
    rotate y*12 }

// A wall far behind, with the light of a lamp low on it.
plane { -z, -9
    pigment { spherical scale 9.5 translate <2.2,-2.2,9> color_map {
        [0 srgb <0.115,0.125,0.135>] [0.45 srgb <0.205,0.225,0.235>] [1 srgb <0.40,0.405,0.385>] } }
    finish { emission 0.62 diffuse 0 } }
