// A camera on a white sweep, lit by two soft boxes. Units: centimetres.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 6 }
#include "shapes.inc"

#declare White = srgb <0.93, 0.93, 0.925>;

camera {
    perspective
    location <-13, 12.6, -35> look_at <0.15, 3.35, 0> angle 31
    right x*image_width/image_height up y
}

// Key from the upper left, fill from the right, and a wide one above for the contact shadow.
light_source { <-38, 46, -30> rgb <1.0, 0.985, 0.96>*0.62
    area_light <24,0,-18> <8,20,12> 5 5 adaptive 0 jitter circular orient }
light_source { <0, 60, 4> rgb <0.97, 0.985, 1.0>*0.50
    area_light <56,0,0> <0,0,56> 5 5 adaptive 0 jitter }
light_source { <40, 24, -46> rgb 0.20 shadowless }

// What the metal and the glass see of the boxes.
union {
    box { <-14,-11,-0.1> <14,11,0.1> rotate <45,0,0> rotate <0,-50,0> rotate <0,100,0> translate <-38,46,-30>*0.8 }
    box { <-6,-16,-0.1> <6,16,0.1> rotate <0,-40,0> translate <34,20,-30> }
    box { <-26,-0.1,-16> <26,0.1,16> translate <0,52,10> }
    pigment { rgb 1 } finish { emission 1.6 diffuse 0 } no_shadow no_image
}
sky_sphere { pigment { gradient y color_map { [0 rgb 0.10] [0.35 rgb 0.20] [0.55 rgb 0.85] [1 rgb 0.95] } } }

// The sweep: floor, bend, wall.
union {
    box { <-400,-1,-400> <400,0,60> }
    difference { box { <-400,-1,60> <400,40,101> } cylinder { <-401,40,60> <401,40,60> 40 } }
    box { <-400,40,100> <400,300,101> }
    pigment { White }
    finish { diffuse 0.86 emission 0.17
        reflection { 0.015, 0.16 falloff 4 } conserve_energy }
    no_reflection
}

#declare Chrome = texture {
    pigment { srgb <0.80,0.795,0.78> }
    normal { granite 0.035 scale 0.06 }
    finish { diffuse 0.46 specular 0.45 roughness 0.03 metallic reflection { 0.22, 0.5 metallic } }
}
#declare Polished = texture {
    pigment { srgb <0.86,0.855,0.84> }
    finish { diffuse 0.20 specular 0.6 roughness 0.008 metallic reflection { 0.55, 0.8 metallic } }
}
#declare Black = texture {
    pigment { srgb <0.115,0.115,0.12> }
    normal { granite 0.03 scale 0.05 }
    finish { diffuse 0.7 specular 0.25 roughness 0.03 reflection { 0.01, 0.12 } }
}
#declare Leather = texture {
    pigment { bozo scale 0.8 color_map { [0 srgb <0.50,0.245,0.115>] [1 srgb <0.425,0.19,0.085>] } }
    normal { average normal_map {
        [1.6 crackle 1.6 scale 0.105 turbulence 0.25]
        [0.6 granite 0.3 scale 0.12] } }
    finish { diffuse 0.8 specular 0.22 roughness 0.04 reflection { 0, 0.05 } }
}
#declare Paint = texture { pigment { srgb 0.95 } finish { diffuse 0.9 } }
#declare PaintRed = texture { pigment { srgb <0.86,0.13,0.10> } finish { diffuse 0.9 specular 0.3 } }
#declare PaintBlack = texture { pigment { srgb 0.08 } finish { diffuse 0.8 } }


// A slab whose plan is a stadium: half length L, radius R, top edge rounded by r.
#macro Stadium(Y0, Y1, L, R, r)
    union {
        box { <-L,Y0,-R> <L,Y1-r,R> }
        box { <-L,Y0,-R+r> <L,Y1,R-r> }
        cylinder { <-L,Y0,0> <-L,Y1-r,0> R }  cylinder { <L,Y0,0> <L,Y1-r,0> R }
        cylinder { <-L,Y0,0> <-L,Y1,0> R-r }  cylinder { <L,Y0,0> <L,Y1,0> R-r }
        torus { R-r, r translate <-L,Y1-r,0> } torus { R-r, r translate <L,Y1-r,0> }
        cylinder { <-L,Y1-r,-R+r> <L,Y1-r,-R+r> r } cylinder { <-L,Y1-r,R-r> <L,Y1-r,R-r> r }
    }
#end

// A knurled wheel on the y axis, from y=0 to H.
#macro Knurl(R, H, N, Depth)
    union {
        cylinder { <0,0,0> <0,H,0> R-Depth }
        #local W = pi*R/N*0.52;
        #for (I, 0, N-1)
            box { <-W,0.03*H,-R> <W,0.97*H,0> rotate y*I*360/N }
        #end
    }
#end

// Letters set around a circle in the plane z = 0, read from -z; Dir = 1 reads clockwise from Start degrees.
#macro Ring(S, Rad, Size, Start, Step, Tex)
    #local N = strlen(S);
    union {
        #for (I, 1, N)
            #local C = substr(S, I, 1);
            #if (strcmp(C, " ") != 0)
                object { text { ttf "DejaVuSans-Bold.ttf" C 0.2 0 } translate <-0.33,0,-0.1> scale <Size,Size,0.05>
                    translate <0,Rad,0> rotate -z*(Start + I*Step) }
            #end
        #end
        texture { Tex }
    }
#end

#declare Body = union {
    object { Stadium(0, 0.75, 5.15, 1.62, 0.05) texture { Chrome } }
    object { Stadium(0.7, 5.25, 5.15, 1.58, 0.02) texture { Leather } }
    // A bright line where leather meets metal.
    object { Stadium(0.75, 0.82, 5.15, 1.64, 0.02) texture { Polished } }
    object { Stadium(5.2, 5.3, 5.15, 1.64, 0.02) texture { Polished } }
    object { Stadium(5.3, 6.75, 5.15, 1.62, 0.16) texture { Chrome } }
    // The raised finder block.
    object { Round_Box_Union(<-2.9,6.4,-1.66>, <2.2,7.55,1.55>, 0.16) texture { Chrome } }

    // Windows of the finder.
    object { Round_Box_Union(<-2.55,5.75,-1.76>, <-0.95,6.95,-1.5>, 0.09) texture { Polished } }
    box { <-2.4,5.9,-1.78> <-1.1,6.8,-1.6> texture { pigment { srgb <0.07,0.075,0.10> }
        finish { diffuse 0.6 specular 0.5 roughness 0.004 reflection { rgb <0.10,0.12,0.2>, rgb <0.5,0.5,0.6> } } } }
    object { Round_Box_Union(<0.55,5.95,-1.74>, <1.75,6.75,-1.5>, 0.07) texture { PaintBlack } }
    box { <0.65,6.05,-1.76> <1.65,6.65,-1.6> texture { pigment { srgb <0.50,0.44,0.30> }
        normal { gradient x 0.6 scale 0.09 } finish { diffuse 0.6 specular 0.5 roughness 0.01 reflection 0.12 } } }
    // Accessory shoe.
    difference {
        box { <-1.15,7.5,-0.75> <0.55,7.82,1.2> }
        box { <-0.95,7.57,-1> <0.35,7.72,1.0> }
        box { <-0.7,7.6,-1> <0.1,8,1.0> }
        texture { Polished }
    }
    // Maker's name.
    object { text { ttf "DejaVuSans-Bold.ttf" "smartimg" 0.1 0 } scale <0.50,0.50,0.5>
        translate <-0.78,7.06,-1.685> texture { PaintBlack } }
    // Speed dial, release, advance lever on the right; rewind knob on the left.
    union {
        object { Knurl(0.86, 0.5, 60, 0.05) texture { Polished } }
        cylinder { <0,0.5,0> <0,0.56,0> 0.80 texture { Black } }
        cylinder { <0,0.5,0> <0,0.60,0> 0.28 texture { Chrome } }
        object { Ring("1000 500 250 125 60 30 15 B", 0.46, 0.20, -20, 12.4, Paint) rotate x*90 translate y*0.57 }
        translate <3.15,6.72,-0.1>
    }
    union {
        cylinder { 0, <0,0.22,0> 0.62 texture { Polished } }
        torus { 0.45, 0.12 translate y*0.24 texture { Polished } }
        cylinder { <0,0.1,0> <0,0.50,0> 0.30 texture { Chrome } }
        sphere { <0,0.1,0> 0.32 scale <1,0.35,1> translate y*0.42 texture { Polished } }
        translate <4.75,6.72,-0.55>
    }
    union {
        cylinder { <0,0,0> <0,0.34,0> 0.72 }
        object { Round_Box_Union(<0,0.14,-0.26>, <2.0,0.34,0.2>, 0.09) rotate y*35 }
        translate <4.8,6.72,0.85> texture { Polished }
    }
    union {
        object { Knurl(1.0, 0.62, 56, 0.055) texture { Polished } }
        cylinder { <0,0.6,0> <0,0.68,0> 0.86 texture { Chrome } }
        object { Round_Box_Union(<-0.75,0.66,-0.14>, <0.75,0.84,0.14>, 0.06) rotate y*20 texture { Polished } }
        translate <-4.7,6.70,0>
    }
    // Lugs for the strap.
    #for (S, -1, 1, 2)
        union {
            cylinder { <0,0,0> <0.35*S,0,0> 0.24 }
            torus { 0.42, 0.075 rotate x*90 translate <0.55*S,-0.28,0> rotate <0,22*S,0> }
            translate <6.72*S,5.0,-0.2> texture { Polished }
        }
    #end
    // Self timer and a red dot.
    union {
        cylinder { <0,0,0> <0,0,-0.22> 0.48 texture { Polished } }
        object { Round_Box_Union(<-0.19,-1.5,-0.34>, <0.19,0.2,-0.14>, 0.08) texture { Chrome } }
        cylinder { <0,0,-0.2> <0,0,-0.36> 0.26 texture { Polished } }
        translate <-4.1,4.0,-1.58>
    }
    cylinder { <4.55,4.45,-1.5> <4.55,4.45,-1.66> 0.34 texture { PaintRed } }
    cylinder { <4.55,4.45,-1.5> <4.55,4.45,-1.64> 0.39 texture { Polished } }
}

// The lens, along -z from the mount.
#declare Lens = union {
    cylinder { <0,0,0.1> <0,0,-0.32> 2.95 texture { Polished } }
    torus { 2.87, 0.08 rotate x*90 translate -z*0.32 texture { Polished } }
    cylinder { <0,0,-0.3> <0,0,-1.25> 2.62 texture { Chrome } }
    // Aperture ring with its numbers.
    cylinder { <0,0,-0.55> <0,0,-1.2> 2.70 texture { Black } }
    object { Knurl(2.78, 0.24, 96, 0.05) rotate -x*90 translate -z*0.98 texture { Black } }
    #declare Stops = array[6] { "2", "2.8", "4", "5.6", "8", "11" }
    #for (I, 0, 5)
        object { text { ttf "DejaVuSans-Bold.ttf" Stops[I] 0.1 0 } translate <-0.3*strlen(Stops[I]),0,-0.05> scale <0.29,0.29,0.2>
            rotate x*90 translate <0,2.70,-0.92> rotate -z*(I*15-46) texture { Paint } }
    #end
    cylinder { <0,0,-1.25> <0,0,-1.4> 2.60 texture { Chrome } }
    // Distance scale and focus ring.
    cylinder { <0,0,-1.4> <0,0,-2.05> 2.74 texture { Black } }
    #declare Dist = array[6] { "0.7", "1", "1.5", "2", "3", "5" }
    #for (I, 0, 5)
        object { text { ttf "DejaVuSans-Bold.ttf" Dist[I] 0.1 0 } translate <-0.3*strlen(Dist[I]),0,-0.05> scale <0.30,0.30,0.2>
            rotate x*90 translate <0,2.74,-1.87> rotate -z*(I*17-52) texture { Paint } }
    #end
    object { Knurl(2.92, 1.05, 84, 0.11) rotate -x*90 translate -z*2.02 texture { Black } }
    cylinder { <0,0,-3.05> <0,0,-3.16> 2.72 texture { PaintRed } }
    cylinder { <0,0,-3.1> <0,0,-3.35> 2.70 texture { Black } }
    // Filter ring: a silver rim, then the name ring sloping in to the glass.
    difference {
        cylinder { <0,0,-3.3> <0,0,-4.0> 2.66 }
        cylinder { <0,0,-3.25> <0,0,-4.1> 2.46 }
        texture { Chrome }
    }
    torus { 2.56, 0.10 rotate x*90 translate -z*4.0 texture { Polished } }
    difference {
        cone { <0,0,-3.0> 2.47 <0,0,-3.52> 2.47 }
        cone { <0,0,-2.9> 1.60 <0,0,-3.56> 1.74 }
        texture { Black }
    }
    object { Ring("SMARTIMG  1:2/35  No 4207  ASPH", 1.98, 0.31, -150, 10.2, Paint) translate -z*3.523 }
    torus { 1.70, 0.06 rotate x*90 translate -z*3.50 texture { Polished } }
    // Inside: steps, iris, rear glass.
    difference {
        cylinder { <0,0,-1.2> <0,0,-3.4> 1.72 }
        cone { <0,0,-1.5> 0.95 <0,0,-3.41> 1.70 }
        texture { pigment { srgb 0.035 } normal { gradient z 0.6 sine_wave scale 0.16 } finish { diffuse 0.7 specular 0.25 roughness 0.02 } }
    }
    difference {
        cylinder { <0,0,-1.5> <0,0,-1.56> 1.05 }
        prism { -3, 3, 9, #for (I, 0, 8) <0.55*cos(I*pi/4), 0.55*sin(I*pi/4)> #end rotate -x*90 }
        texture { pigment { srgb 0.09 } finish { diffuse 0.6 specular 0.4 roughness 0.02 metallic } }
    }
    // Two coated surfaces: the front one purple, the one behind it green.
    intersection {
        sphere { <0,0,0> 3.2 translate -z*0.0 }
        cylinder { <0,0,0> <0,0,-5> 1.15 }
        plane { z, -2.9 }
        translate z*0.75
        texture { pigment { rgbf <0.55,0.75,0.65,0.85> }
            finish { diffuse 0.03 specular 0.8 roughness 0.002 reflection { rgb <0.03,0.13,0.08>, rgb <0.3,0.6,0.5> } } }
    }
    intersection {
        sphere { <0,0,0.75> 4.38 }
        cylinder { <0,0,-1> <0,0,-5> 1.68 }
        plane { z, -3.2 }
        texture { pigment { rgbf <0.92,0.92,0.98,0.93> }
            finish { diffuse 0.02 specular 1.0 roughness 0.0015 reflection { rgb <0.030,0.014,0.055>, rgb <0.5,0.4,0.6> } } }
    }
    translate <0.55,3.15,-1.6>
}

union {
    object { Body }
    object { Lens }
    rotate y*-4
}
