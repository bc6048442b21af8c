// A knitted jersey with a coloured pattern, close. Unit: about a millimetre; u along a row, v up the rows, w out.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 3 }

#declare Samples = 9;

camera {
    location <-26, 92, -104> look_at <1, 0, 3> angle 44
    right x*image_width/image_height up y
    aperture 9 focal_point <0, 2, -8> blur_samples Samples, Samples+4 confidence 0.9 variance 1/90
}
light_source { <-260, 190, 150> rgb <1.0, 0.90, 0.76>*1.55 area_light <80,0,0> <0,60,50> 2 1 jitter }
light_source { <300, 300, -260> rgb <0.62,0.74,1.0>*0.34 shadowless }
light_source { <0, 400, 0> rgb <0.9,0.95,1.0>*0.14 shadowless }
background { rgb <0.02,0.02,0.025> }

// The yarn's path in plain knitting: one period is one stitch (Leaf and Glaskin's loop, simplified).
#declare Width = 2*pi;
#declare Rise = 4.75;
#macro Path(T) <T + 1.42*sin(2*T), 3.9*cos(T), -1.05*cos(2*T)> #end
#macro Along(T) vnormalize(<1 + 2.84*cos(2*T), -3.9*sin(T), 2.10*sin(2*T)>) #end

#declare R = seed(901);
#declare Seg = 84;
#declare Side = 9;
#declare Twist = 5;

// Three plies around the path, and the fibres that stand out of them.
#macro Stitch(Fuzz)
    mesh {
        #for (Ply, 0, 2)
            #local P = array[Seg+1][Side+1];
            #local N = array[Seg+1][Side+1];
            #for (I, 0, Seg)
                #local T = 2*pi*I/Seg;
                #local D = Along(T);
                #local A = vnormalize(vcross(D, <0.13,0.21,1>));
                #local B = vcross(D, A);
                #local G = Twist*T + Ply*2*pi/3;
                #local C = Path(T) + 0.56*(A*cos(G) + B*sin(G));
                #for (J, 0, Side)
                    #local H = 2*pi*J/Side - G;
                    #local Nn = A*cos(H) + B*sin(H);
                    #local P[I][J] = C + 0.60*Nn;
                    #local N[I][J] = Nn;
                #end
            #end
            #for (I, 0, Seg-1)
                #for (J, 0, Side-1)
                    smooth_triangle { P[I][J], N[I][J], P[I+1][J], N[I+1][J], P[I+1][J+1], N[I+1][J+1] }
                    smooth_triangle { P[I][J], N[I][J], P[I+1][J+1], N[I+1][J+1], P[I][J+1], N[I][J+1] }
                #end
            #end
        #end
        #for (I, 1, Fuzz)
            #local T = 2*pi*rand(R);
            #local D = Along(T);
            #local A = vnormalize(vcross(D, <0.13,0.21,1>));
            #local B = vcross(D, A);
            #local G = 2*pi*rand(R);
            #local Out = A*cos(G) + B*sin(G);
            #local Bend = vnormalize(D*(1.6*rand(R)-0.8) + Out*0.5 + <rand(R)-0.5,rand(R)-0.5,rand(R)-0.5>);
            #local Q = Path(T) + 1.0*Out;
            #local W = 0.022*vnormalize(vcross(Bend, Out) + <0.01,0.02,0.03>);
            #local L = 0.5 + 1.3*rand(R)*rand(R);
            #local Q1 = Q + L*0.5*(D*0.7 + Out*0.5);
            #local Q2 = Q1 + L*0.5*Bend;
            #local Q3 = Q2 + L*0.5*vnormalize(Bend + D - 0.5*Out);
            triangle { Q - W, Q + W, Q1 + W } triangle { Q - W, Q1 + W, Q1 - W }
            triangle { Q1 - W, Q1 + W, Q2 + W } triangle { Q1 - W, Q2 + W, Q2 - W }
            triangle { Q2 - W, Q2 + W, Q3 }
        #end
    }
#end
#declare Kinds = 5;
#declare Loop = array[Kinds];
#for (K, 0, Kinds-1) #declare Loop[K] = Stitch(330) #end

#macro Wool(C)
    texture {
        pigment { granite scale 1.2 color_map { [0 srgb C*0.80] [0.5 srgb C] [1 srgb C*1.12] } }
        normal { granite 0.45 scale 0.55 }
        finish { diffuse 0.82 specular 0.05 roughness 0.12 }
    }
#end
#declare Navy = Wool(<0.155,0.225,0.375>)
#declare Cream = Wool(<0.90,0.855,0.755>)
#declare Rust = Wool(<0.70,0.245,0.155>)
#declare Gold = Wool(<0.86,0.615,0.190>)

// The chart repeats every 12 stitches and 20 rows: a diamond band and a dotted band.
#macro Chart(U, V)
    #local Row = mod(V + 2000, 20);
    #local Col = mod(U + 1200, 12);
    #local D = abs(Col - 6) + abs(Row - 9);
    #if (Row < 3 | Row > 15)
        #if ((Row = 1 | Row = 17) & mod(Col, 2) = 0) texture { Cream }
        #else #if (Row = 19) texture { Gold } #else texture { Rust } #end #end
    #else #if (D <= 1) texture { Gold }
    #else #if (D = 3 | D = 4 | D = 6 | D = 9) texture { Cream }
    #else texture { Navy } #end #end #end
#end

// The cloth lies in soft folds; each stitch is sheared to follow.
#declare Fold = function(x, z) { 3.6*sin(x*0.030 + z*0.022 + 0.6) + 1.8*sin(z*0.065 - x*0.028) + 0.8*sin(x*0.11 + z*0.05) }
#for (V, -22, 44)
    #local Half = 17 + max(0, (V + 22)*0.55);
    #for (U, -Half - 6, Half)
        #local X = U*Width + 0.10*(rand(R) - 0.5);
        #local Z = V*Rise + 0.16*(rand(R) - 0.5);
        #local Y = Fold(X, Z);
        #local SX = Fold(X+1, Z) - Y;
        #local SZ = Fold(X, Z+1) - Y;
        object { Loop[floor(rand(R)*Kinds)] Chart(floor(U), V)
            matrix <1, SX, 0,  0, SZ, 1,  0, 1, 0,  X, Y, Z> }
    #end
#end
// Nothing shows through between the stitches but shade.
plane { y, -7 pigment { srgb 0.05 } }
