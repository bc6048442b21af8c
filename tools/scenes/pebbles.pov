// Wet pebbles on a beach, from above in low sun. Units: centimetres.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 3 }
#include "functions.inc"

camera {
    location <0, 46, -17> look_at <0, 1, -0.4> angle 39
    right x*image_width/image_height up y
}
light_source { <-420, 330, 190> rgb <1.0, 0.86, 0.66>*2.0 area_light <50,0,60> <0,50,0> 2 1 jitter }
light_source { <60, 500, -200> rgb <0.62,0.76,1.0>*0.30 shadowless }
light_source { <300, 200, -300> rgb <0.70,0.80,1.0>*0.10 shadowless }
sky_sphere { pigment { gradient y color_map { [0 rgb <0.75,0.72,0.66>] [0.5 rgb <0.36,0.50,0.72>] [1 rgb <0.22,0.36,0.62>] } } }

// A worn stone: a sphere pushed in and out by noise, as a mesh.
#declare N3 = function { f_noise3d(x, y, z) }
#macro Stone(K)
    #local U = 44; #local V = 26;
    #local P = array[V+1][U+1];
    #for (J, 0, V) #for (I, 0, U)
        #local A = 2*pi*I/U; #local B = pi*(J/V - 0.5);
        #local D = <cos(B)*cos(A), sin(B), cos(B)*sin(A)>;
        #local S = D*0.85 + <K*7.3, K*3.1, K*5.7>;
        #local F = 0.82 + 0.40*N3(S.x, S.y, S.z) + 0.07*N3(S.x*3, S.y*3, S.z*3);
        #local P[J][I] = D*F;
    #end #end
    #local N = array[V+1][U+1];
    #for (J, 0, V) #for (I, 0, U)
        #local IA = mod(I+1, U); #local IB = mod(I-1+U, U);
        #local C = vcross(P[min(J+1,V)][I] - P[max(J-1,0)][I], P[J][IA] - P[J][IB]);
        #if (vlength(C) < 1e-6 | J = 0 | J = V) #local N[J][I] = vnormalize(P[J][I]); #else #local N[J][I] = vnormalize(C); #end
    #end #end
    mesh { #for (J, 0, V-1) #for (I, 0, U-1)
        smooth_triangle { P[J][I], N[J][I], P[J+1][I], N[J+1][I], P[J+1][I+1], N[J+1][I+1] }
        #if (J > 0) smooth_triangle { P[J][I], N[J][I], P[J+1][I+1], N[J+1][I+1], P[J][I+1], N[J][I+1] } #end
    #end #end }
#end
#declare Stones = array[12];
#for (K, 0, 11) #declare Stones[K] = Stone(K) #end

#declare Wet = finish { diffuse 0.78 specular 0.55 roughness 0.012 reflection { 0.008, 0.28 falloff 4 } }
#declare Damp = finish { diffuse 0.82 specular 0.18 roughness 0.05 reflection { 0, 0.08 } }
#declare Skin = normal { average normal_map { [1 granite 0.16 scale 0.35] [0.6 bumps 0.3 scale 0.09] } }

// Pigments in stone units (radius 1). T shifts each stone to its own place in the pattern and its own tone.
#macro Basalt(T) texture { pigment { granite scale 0.8 translate T*50 color_map { [0 srgb <0.17,0.18,0.20>*(0.8+0.5*T)] [0.7 srgb <0.25,0.26,0.28>*(0.8+0.5*T)] [1 srgb <0.34,0.35,0.36>] } } normal { Skin } finish { Wet } } #end
#macro Veined(T) texture { pigment { marble turbulence 0.9 octaves 5 scale 1.9 rotate <70*T,200*T,40> translate T*40 color_map {
    [0.00 srgb <0.23,0.26,0.29>] [0.80 srgb <0.30,0.33,0.36>] [0.90 srgb <0.36,0.38,0.40>] [0.93 srgb <0.88,0.86,0.82>] [0.98 srgb <0.93,0.91,0.87>] [1 srgb <0.34,0.36,0.38>] } } normal { Skin } finish { Wet } } #end
#macro Pink(T) texture { pigment { crackle solid scale 0.13 translate T*30 color_map { [0 srgb <0.18,0.16,0.16>] [0.18 srgb <0.22,0.20,0.20>] [0.2 srgb <0.76,0.50,0.43>] [0.6 srgb <0.80,0.58,0.50>] [0.62 srgb <0.86,0.81,0.76>] [1 srgb <0.62,0.58,0.55>] } } normal { Skin } finish { Damp } } #end
#macro Banded(T) texture { pigment { gradient y turbulence 0.16 octaves 4 scale 0.55 rotate <60*T-30,0,70*T> translate T*9 color_map {
    [0 srgb <0.44,0.42,0.38>] [0.3 srgb <0.58,0.54,0.47>] [0.42 srgb <0.36,0.34,0.31>] [0.55 srgb <0.62,0.57,0.49>] [0.8 srgb <0.47,0.44,0.40>] [1 srgb <0.44,0.42,0.38>] } } normal { Skin } finish { Damp } } #end
#macro Ochre(T) texture { pigment { granite scale 1.1 translate T*20 color_map { [0 srgb <0.60,0.46,0.31>] [0.5 srgb <0.69,0.56,0.40>] [1 srgb <0.47,0.34,0.23>] } } normal { Skin } finish { Wet } } #end
#macro Quartz(T) texture { pigment { bozo turbulence 0.9 scale 0.9 translate T*20 color_map { [0 srgb <0.92,0.90,0.86>] [0.6 srgb <0.84,0.81,0.76>] [1 srgb <0.74,0.66,0.56>] } } normal { Skin } finish { Wet } } #end
#macro Green(T) texture { pigment { wrinkles scale 0.9 translate T*20 color_map { [0 srgb <0.23,0.31,0.26>] [0.5 srgb <0.34,0.43,0.35>] [1 srgb <0.50,0.55,0.43>] } } normal { Skin } finish { Wet } } #end
#macro Jasper(T) texture { pigment { marble turbulence 1.1 octaves 6 scale 1.2 rotate 90*T translate T*20 color_map { [0 srgb <0.45,0.21,0.16>] [0.6 srgb <0.54,0.27,0.20>] [0.9 srgb <0.38,0.17,0.14>] [1 srgb <0.78,0.55,0.38>] } } normal { Skin } finish { Wet } } #end
#macro Speckled(T) texture { pigment { crackle solid scale 0.085 translate T*30 color_map { [0 srgb <0.15,0.15,0.16>] [0.35 srgb <0.20,0.20,0.21>] [0.36 srgb <0.80,0.79,0.76>] [0.8 srgb <0.86,0.85,0.82>] [1 srgb <0.60,0.59,0.58>] } } normal { Skin } finish { Damp } } #end

#macro Pebble(P, S, Turn, Shape, Kind, T)
    object { Stones[Shape]
        #switch (Kind)
            #case (0) Basalt(T) #break #case (1) Veined(T) #break #case (2) Pink(T) #break #case (3) Banded(T) #break
            #case (4) Ochre(T) #break #case (5) Quartz(T) #break #case (6) Green(T) #break #case (7) Jasper(T) #break
            #else Speckled(T)
        #end
        scale S rotate Turn translate P }
#end
#include "pebbles-places.inc"

// Wet sand below.
plane { y, 0.05 pigment { granite scale 0.3 color_map { [0 srgb <0.20,0.16,0.12>] [1 srgb <0.42,0.36,0.28>] } } normal { granite 0.5 scale 0.2 } }
