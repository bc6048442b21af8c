// Fruit, a glazed bowl, green glass and copper by a window on the left. Units: centimetres.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 5 }

camera {
    location <3, 27, -66> look_at <0.5, 8.0, 2> angle 38
    right x*image_width/image_height up y
}

light_source { <-85, 62, -38> rgb <1.0, 0.93, 0.82>*1.75 area_light <0,0,36> <14,30,0> 2 1 jitter }
light_source { <80, 50, -70> rgb <0.75,0.84,1.0>*0.17 shadowless }
light_source { <0, 120, -20> rgb <0.9,0.95,1.0>*0.20 area_light <60,0,0> <0,0,60> 2 1 jitter }

// The window, seen only in reflections: four panes.
union {
    #for (I, 0, 1) #for (J, 0, 1)
        box { <-0.1, 0, 0> <0.1, 26, 20> translate <-84, 34 + J*29, -52 + I*23> }
    #end #end
    pigment { rgb <1.0,0.97,0.92>*3.0 } finish { emission 1 diffuse 0 } no_shadow no_image
}
sky_sphere { pigment { gradient x scale 2 translate -x color_map { [0 rgb 0.34] [0.6 rgb <0.12,0.11,0.10>] [1 rgb 0.05] } } }

// A turned shape as a mesh: much faster to trace than a lathe. Points is a list of <radius, height>.
#macro Turned(Points, Steps, Sides)
    #local N = dimension_size(Points, 1);
    #local Curve = spline { natural_spline #for (I, 0, N-1) I, Points[I] #end }
    #local M = (N - 1)*Steps;
    #local Q = array[M+1];
    #local T = array[M+1];
    #for (I, 0, M)
        #local U = I/Steps;
        #local A = Curve(max(0, U - 0.02));
        #local B = Curve(min(N - 1, U + 0.02));
        #local Q[I] = Curve(U);
        #local T[I] = vnormalize(<B.y - A.y, A.x - B.x, 0>);
    #end
    mesh {
        #for (I, 0, M-1) #for (J, 0, Sides-1)
            #local J0 = J*360/Sides;
            #local J1 = (J + 1)*360/Sides;
            #local P00 = vrotate(<max(0.0005,Q[I].x), Q[I].y, 0>, y*J0);
            #local P01 = vrotate(<max(0.0005,Q[I].x), Q[I].y, 0>, y*J1);
            #local P10 = vrotate(<max(0.0005,Q[I+1].x), Q[I+1].y, 0>, y*J0);
            #local P11 = vrotate(<max(0.0005,Q[I+1].x), Q[I+1].y, 0>, y*J1);
            #local N00 = vrotate(T[I], y*J0); #local N01 = vrotate(T[I], y*J1);
            #local N10 = vrotate(T[I+1], y*J0); #local N11 = vrotate(T[I+1], y*J1);
            smooth_triangle { P00, N00, P10, N10, P11, N11 }
            smooth_triangle { P00, N00, P11, N11, P01, N01 }
        #end #end
        inside_vector y
    }
#end

// Wall and table.
plane { -z, -46
    pigment { average pigment_map {
        [1 bozo turbulence 0.7 scale 22 color_map { [0 srgb <0.075,0.31,0.335>] [1 srgb <0.12,0.40,0.415>] }]
        [1 granite scale 14 color_map { [0 srgb <0.07,0.29,0.32>] [1 srgb <0.125,0.405,0.42>] }] } }
    normal { granite 0.15 scale 6 }
    finish { diffuse 0.78 }
}
#declare Plank = texture {
    pigment { wood turbulence 0.06 octaves 4 omega 0.5 scale <1.4,1.4,40> rotate <1.2,0.8,0> color_map {
        [0.0 srgb <0.52,0.315,0.165>] [0.5 srgb <0.44,0.25,0.12>] [0.85 srgb <0.345,0.185,0.085>] [1 srgb <0.52,0.315,0.165>] } }
    normal { wood 0.12 turbulence 0.06 scale <0.35,0.35,40> }
    finish { diffuse 0.72 specular 0.22 roughness 0.02 reflection { 0.015, 0.30 } }
}
#for (I, -6, 5)
    box { <-120, -3, I*11 + 0.08> <120, 0, I*11 + 10.92>
        texture { Plank rotate y*90 translate <I*53.7, I*1.91, I*0.4> } }
#end
box { <-120,-4,-90> <120,-0.5,60> pigment { srgb <0.10,0.055,0.03> } }

#declare R = seed(31);

#macro Orange(Rad)
    difference {
        sphere { 0, 1 }
        sphere { <0,1.10,0> 0.16 }
        texture {
            pigment { bozo scale 0.5 color_map { [0 srgb <1.0,0.475,0.02>] [1 srgb <1.0,0.56,0.045>] } }
            normal { average normal_map { [1 crackle -1.1 scale 0.055] [0.5 bumps 0.5 scale 0.35] } }
            finish { diffuse 0.85 emission rgb <0.012,0.004,0> specular 0.35 roughness 0.025 reflection { 0, 0.12 } }
        }
        rotate <50*rand(R)-25, 360*rand(R), 60*rand(R)-20> scale Rad
    }
#end
#declare Lemon = object { Turned(array[10] { <0.02,-1.40>, <0.17,-1.33>, <0.30,-1.17>, <0.66,-0.82>, <0.96,-0.25>, <0.97,0.25>, <0.68,0.82>, <0.30,1.15>, <0.20,1.30>, <0.01,1.36> }, 6, 64)
    texture {
        pigment { bozo scale 0.6 color_map { [0 srgb <1.0,0.83,0.08>] [1 srgb <0.98,0.90,0.16>] } }
        normal { average normal_map { [1 crackle -0.9 scale 0.07] [0.6 bumps 0.6 scale 0.5] } }
        finish { diffuse 0.86 specular 0.35 roughness 0.02 reflection { 0, 0.12 } }
    }
}
#macro Apple(Turn)
    union {
        object { Turned(array[10] { <0.0,0.52>, <0.10,0.62>, <0.33,0.86>, <0.66,0.86>, <0.98,0.40>, <0.99,-0.05>, <0.82,-0.60>, <0.52,-0.93>, <0.26,-0.96>, <0.0,-0.86> }, 6, 64)
    texture {
                pigment { radial frequency 44 turbulence 0.22 octaves 5 sine_wave color_map {
                    [0 srgb <0.74,0.045,0.055>] [0.7 srgb <0.80,0.08,0.06>] [1 srgb <0.86,0.24,0.09>] } }
                finish { diffuse 0.82 specular 0.45 roughness 0.012 reflection { 0.02, 0.22 } }
            }
            texture {
                pigment { function { min(1, max(0, 1.25 - sqrt((x-0.75)*(x-0.75) + (y-0.55)*(y-0.55)*1.3 + (z+0.35)*(z+0.35)))) } turbulence 0.25 color_map {
                    [0.15 srgbt <0.93,0.74,0.20,1>] [0.8 srgbt <0.93,0.74,0.20,0.15>] } }
                finish { diffuse 0.82 specular 0.45 roughness 0.012 }
            }
            texture {
                pigment { bozo scale 0.035 color_map { [0.80 srgbt <0.95,0.8,0.5,1>] [0.86 srgbt <0.95,0.8,0.5,0.35>] } }
                finish { diffuse 0.82 specular 0.45 roughness 0.012 reflection { 0.02, 0.20 } }
            }
        }
        sphere_sweep { b_spline 5 <0,0.3,0> 0.05 <0,0.5,0> 0.05 <0.02,0.8,0> 0.045 <0.10,1.12,0> 0.05 <0.2,1.3,0> 0.07
            pigment { srgb <0.30,0.18,0.08> } normal { granite 0.4 scale 0.1 } finish { diffuse 0.8 } }
        rotate y*Turn
    }
#end

// The bowl: cobalt glaze outside with a ring of bare clay and a white line, white inside.
#declare Bowl = object { Turned(array[14] { <0,0.9>, <3.2,0.8>, <3.6,0.0>, <4.4,0.0>, <4.6,0.9>, <7.2,2.5>, <10.2,5.6>, <11.4,8.4>, <11.65,8.75>, <11.25,8.85>, <10.6,7.7>, <8.6,4.6>, <4.6,2.1>, <0,1.5> }, 6, 64)
    texture {
        gradient y scale 9
        texture_map {
            [0.070 pigment { srgb <0.62,0.40,0.25> } normal { granite 0.25 scale 0.6 } finish { diffuse 0.8 }]
            [0.090 pigment { bozo turbulence 0.5 scale 1.6 color_map { [0 srgb <0.045,0.13,0.60>] [1 srgb <0.06,0.19,0.72>] } }
                normal { bumps 0.04 scale 1.4 } finish { diffuse 0.75 specular 0.7 roughness 0.004 reflection { 0.03, 0.5 } }]
            [0.780 pigment { srgb <0.05,0.15,0.64> }
                normal { bumps 0.04 scale 1.4 } finish { diffuse 0.75 specular 0.7 roughness 0.004 reflection { 0.03, 0.5 } }]
            [0.785 pigment { srgb <0.95,0.94,0.90> } finish { diffuse 0.8 specular 0.6 roughness 0.005 reflection { 0.02, 0.4 } }]
            [0.860 pigment { srgb <0.95,0.94,0.90> } finish { diffuse 0.8 specular 0.6 roughness 0.005 reflection { 0.02, 0.4 } }]
            [0.865 pigment { srgb <0.04,0.12,0.55> } finish { diffuse 0.75 specular 0.7 roughness 0.004 reflection { 0.03, 0.5 } }]
        }
    }
}
union {
    object { Bowl }
    object { Orange(3.9) translate <-4.3, 7.0, -2.4> }
    object { Orange(3.7) translate <3.9, 7.1, -3.4> }
    object { Orange(3.9) translate <0.3, 7.2, 4.2> }
    object { Orange(3.6) translate <-0.5, 11.6, -0.3> }
    object { Lemon scale 2.7 rotate z*78 rotate y*25 translate <5.9,9.3,2.4> }
    translate <-2.5, 0, 3>
}

object { Apple(20) scale 3.9 translate <12.0, 3.72, -8> }
object { Apple(150) scale 3.7 rotate <12,0,-9> translate <18.6, 3.5, -1.5> }

// A cut orange in front, and a lemon lying down.
union {
    difference { sphere { 0 3.7 } plane { z, 0 }
        texture { pigment { srgb <1.0,0.50,0.03> } normal { crackle -1 scale 0.2 } finish { diffuse 0.85 specular 0.3 roughness 0.03 } } }
    cylinder { <0,0,-0.02> <0,0,0.01> 3.68 texture { pigment { srgb <1.0,0.88,0.62> } finish { diffuse 0.85 } } }
    #for (I, 0, 9)
        #local A = 36*I;
        intersection {
            cylinder { <0,0,-0.06> <0,0,0.05> 3.25 }
            plane { x, 0 rotate z*16.6 }
            plane { -x, 0 rotate -z*16.6 }
            plane { y, -0.42 }
            texture { pigment { radial frequency 60 rotate x*90 turbulence 0.15 color_map { [0 srgb <1.0,0.50,0.04>] [0.5 srgb <1.0,0.60,0.10>] [1 srgb <0.98,0.45,0.03>] } }
                normal { granite 0.5 scale 0.5 }
                finish { diffuse 0.8 emission rgb <0.05,0.015,0> specular 0.8 roughness 0.01 reflection { 0.02,0.2 } } }
            rotate z*A
        }
    #end
    rotate x*20 rotate y*-14 translate <-6.0, 3.55, -13.5>
}
object { Lemon scale 2.75 rotate z*86 rotate y*-38 translate <3.4, 2.62, -14.2> }

// Grapes tumbling to the left: dropped one by one onto those below.
#declare Grapes = array[64];
#declare G = 0;
#for (I, 1, 900)
    #if (G < 58)
        #local P = <-20.5 + 11*rand(R), 0, -12.5 + 9*rand(R)>;
        #local Rg = 1.12 + 0.22*rand(R);
        #local E = (P.x + 15)/5.5; #local F = (P.z + 8)/4.5;
        #if (E*E + F*F < 1)
            #local Y = Rg; #local Bad = 0;
            #for (K, 0, G-1)
                #local D2 = pow(P.x - Grapes[K].x, 2) + pow(P.z - Grapes[K].z, 2);
                #if (D2 < 4*Rg*Rg*0.92) #local Y = max(Y, Grapes[K].y + sqrt(4*Rg*Rg*0.92 - D2)); #end
            #end
            #if (Y < 6.2 - 3.6*(E*E + F*F))
                #declare Grapes[G] = <P.x, Y, P.z>;
                #declare G = G + 1;
                sphere { 0 Rg scale <0.94,1.08,0.94> rotate <90*rand(R),360*rand(R),0> translate <P.x, Y, P.z>
                    texture {
                        pigment { bozo scale 1.4 turbulence 0.4 color_map { [0 srgb <0.33,0.045,0.22>*(0.8+0.5*rand(R))] [1 srgb <0.22,0.035,0.25>] } }
                        finish { diffuse 0.75 emission rgb <0.016,0,0.006> specular 0.7 roughness 0.008 reflection { 0.02, 0.28 } }
                    }
                    texture { pigment { granite scale 1.1 color_map { [0.35 srgbt <0.62,0.60,0.80,1>] [0.9 srgbt <0.62,0.60,0.80,0.62>] } } finish { diffuse 0.8 } }
                }
            #end
        #end
    #end
#end

// Green bottle.
union {
    difference {
        object { Turned(array[10] { <0,0.0>, <3.4,0.0>, <3.9,0.6>, <3.9,8>, <3.9,16>, <3.3,19.6>, <1.6,23>, <1.32,27>, <1.36,30>, <1.36,32> }, 6, 64)
    }
        object { Turned(array[9] { <0,1.2>, <3.0,0.6>, <3.6,1.2>, <3.6,8>, <3.6,16>, <3.0,19.5>, <1.3,23>, <1.05,28>, <1.05,32> }, 6, 64)
    }
    }
    torus { 1.35, 0.26 translate y*29.2 }
    pigment { rgbf <0.50,0.92,0.55,0.97> }
    finish { diffuse 0.02 specular 0.9 roughness 0.002 reflection { 0.04, 0.9 fresnel on } conserve_energy }
    interior { ior 1.5 fade_distance 0.55 fade_power 1001 fade_color rgb <0.09,0.55,0.16> }
    translate <-15.5, 0, 10>
}

// Copper jug.
#declare Copper = texture {
    pigment { srgb <0.93,0.56,0.40> }
    normal { bumps 0.06 scale 0.9 }
    finish { diffuse 0.22 specular 0.7 roughness 0.012 metallic reflection { 0.50, 0.8 metallic } }
}
union {
    object { Turned(array[13] { <0,0>, <4.6,0>, <5.2,0.5>, <6.4,4>, <6.6,8>, <5.4,12>, <3.7,15.5>, <3.5,18>, <4.5,20.5>, <4.7,20.7>, <4.3,20.6>, <3.2,18>, <3,17> }, 6, 64)
    }
    torus { 3.66, 0.22 translate y*16.2 }
    torus { 5.0, 0.24 translate y*0.45 }
    sphere_sweep { b_spline 8 <3.0,18,0> 0.5 <4.2,19.6,0> 0.55 <7.0,20.6,0> 0.55 <9.6,18,0> 0.5 <9.4,13,0> 0.5 <7.4,9.4,0> 0.55 <5.8,8,0> 0.6 <4,7,0> 0.6 }
    texture { Copper }
    rotate y*-28 translate <15.0, 0, 15>
}
